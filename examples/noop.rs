//! A server whose one route reads a POST and does nothing: the ceiling of HTTP for `make bench-peers`.
//!
//! It is `tsbe`'s own server (limits, deadlines, end) under another route. `cargo run --release --example noop`
//! prints the address and serves until it is ended.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example that stops at the first trouble")]

use ticketshop::config::{Config, Sources};
use ticketshop::http::Server;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::StatusCode;
use warp::reply::Response;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let mut sources = Sources::default();
    sources.set("PORT", "0".to_owned(), "PORT".to_owned());
    let config = Config { access_log: false, ..Config::read(&sources).unwrap() };
    let listener = TcpListener::bind(config.listen).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let nothing = warp::post().and(warp::body::bytes()).map(|_body: bytes::Bytes| {
        let mut response = Response::new("[]".into());
        *response.status_mut() = StatusCode::CREATED;
        response
    });
    Server::with_routes(listener, nothing.boxed(), &config).run(std::future::pending()).await;
}
