//! A ticket-shop backend for big on-sales: never a seat sold twice, never an acknowledged sale lost.
//!
//! `tsbe` serves it as a REST API, `tsctl` runs the same queries and purchases straight against the
//! store. Both are thin doors to this library.
//!
//! # Layout
//!
//! From the top down; a module imports only from those below it.
//!
//! - [`daemon`]: `tsbe`, from its arguments to its end.
//! - [`cli`]: the commands of `tsctl` and what they print.
//! - [`docs`]: the reference pages, written from the code and from a shop that is asked.
//! - [`mod@bench`]: how fast a store sells, and whether it sold right.
//! - [`bots`]: buy-bots, which call the API over HTTP.
//! - [`http`]: the API: routes, requests and replies, and the accept loop that serves them.
//! - [`board`]: what a dashboard shows, made while somebody looks.
//! - [`demo`] and [`loader`]: filling a store with a generated catalogue.
//! - [`shop`]: the use cases, the cache, and the joining of sales with names.
//! - [`metrics`]: what happens, counted: for `/metrics`, the dashboard and InfluxDB.
//! - [`store`]: one trait, each method one promise, and two engines behind it: the embedded SQLite one
//!   and Cloud Spanner.
//! - [`generator`]: the seeded generator of demo catalogues, pure.
//! - [`config`] and [`logging`]: the settings, read once.
//! - [`cache`]: answers that are kept for a while, asked for once at a time.
//! - [`roots`]: certificates to trust where the system has none.
//! - [`model`]: the nouns as types that hold what their names promise.
//!
//! # One purchase
//!
//! The same name through every layer: `POST /api/v1/tickets/purchase` is parsed by
//! `http::tickets::purchase_tickets`, which calls [`shop::Shop::purchase_tickets`], which calls
//! [`store::Store::purchase_tickets`], which the engine answers in `store/sqlite/purchase.rs` or
//! `store/spanner/purchase.rs`.

pub mod bench;
pub mod board;
pub mod bots;
pub mod cache;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod docs;
pub mod generator;
pub mod http;
pub mod loader;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod roots;
pub mod shop;
pub mod signals;
pub mod store;
pub mod version;
