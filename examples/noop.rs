//! A server whose one route reads a POST, does nothing, and answers as much as a purchase does: the ceiling of
//! HTTP for `make bench-peers`. With the argument `empty` it answers next to nothing.
//!
//! It is `tsbe`'s own server (limits, deadlines, end) under another route. `cargo run --release --example noop`
//! prints the address and serves until it is ended.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example that stops at the first trouble")]

use std::sync::atomic::{AtomicUsize, Ordering};

use ticketshop::config::{Config, Sources};
use ticketshop::http::Server;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::{HeaderValue, StatusCode};
use warp::reply::Response;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A ticket as `POST /tickets/purchase` answers it; a purchase of 1 to 4 has two or three.
const TICKET: &str = r#"{"id":"c2998773-45ce-8b66-bdba-a396ac00006d","event":"Midnight Harbour Sessions, Mexico City","venue":"Mexico City Garden Club","category":"General","seat":109,"price":21.95,"purchaseDate":"2026-11-24T22:26:47.493562Z"}"#;
const HEADERS: [(&str, &str); 4] = [
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("sale-id", "348ea422-0d5c-8a3e-9f41-2b7c5d6e8f90"),
    ("location", "/api/v1/sales/348ea422-0d5c-8a3e-9f41-2b7c5d6e8f90"),
];

#[tokio::main]
async fn main() {
    let is_empty = std::env::args().nth(1).is_some_and(|argument| argument == "empty");
    let (bodies, headers) = match is_empty {
        true => (["[]".to_owned(), "[]".to_owned()], &HEADERS[..0]),
        false => ([format!("[{TICKET},{TICKET}]"), format!("[{TICKET},{TICKET},{TICKET}]")], &HEADERS[..]),
    };
    let mut sources = Sources::default();
    sources.set("PORT", "0".to_owned(), "PORT".to_owned());
    let config = Config { access_log: false, ..Config::read(&sources).unwrap() };
    let listener = TcpListener::bind(config.listen).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let bodies = bodies.map(bytes::Bytes::from);
    let answered = AtomicUsize::new(0);
    let nothing = move |_body: bytes::Bytes| {
        let body = bodies[answered.fetch_add(1, Ordering::Relaxed) % 2].clone();
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::CREATED;
        for &(name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    };
    let nothing = std::sync::Arc::new(nothing);
    let nothing = warp::post().and(warp::body::bytes()).map(move |body| nothing(body));
    Server::with_routes(listener, nothing.boxed(), &config).run(std::future::pending()).await;
}
