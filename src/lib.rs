//! x
pub mod generator;
pub mod model;
pub mod store;
