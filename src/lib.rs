//! x
pub mod generator;
pub mod model;
pub mod shop;
pub mod store;
