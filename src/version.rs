//! What the programs say of themselves.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from and its day, or `unknown`.
pub const BUILD: &str = env!("TICKETSHOP_BUILD");

/// The two lines of `tsbe version` and `tsctl version`.
#[must_use]
pub fn text() -> String {
    format!("version: {VERSION}\nbuild: {BUILD}\n")
}
