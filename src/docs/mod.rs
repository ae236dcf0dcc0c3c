//! The reference pages: written from what the code declares, and from the answers of a shop that is asked. They are
//! the same on every machine and every day, until what they describe changes.

mod api_page;
mod commands;
mod config_page;
mod recorder;

use std::path::Path;

use clap::Command;

use crate::{http, metrics};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it stands in the folder, such as `man/tsbe.1`.
    pub path: String,
    /// What it says.
    pub text: String,
}

fn page(path: impl Into<String>, text: String) -> Page {
    Page { path: path.into(), text }
}

/// All pages, for the command lines of the two programs.
///
/// # Errors
/// What could not be asked or rendered, in one line.
pub async fn pages(tsbe: Command, tsctl: Command) -> Result<Vec<Page>, String> {
    let programs = [commands::settled(tsbe), commands::settled(tsctl)];
    let mut pages = vec![
        page("openapi.json", http::openapi_json()),
        page("api.md", api_page::page().await?),
        page("cli.md", commands::page(&programs)),
        page("config.md", config_page::page()),
        page("metrics.md", metrics::page()),
    ];
    pages.extend(commands::manuals(&programs).map_err(|error| format!("the man pages: {error}"))?);
    Ok(pages)
}

/// The names of those pages that are missing in `folder`, or say something else there.
#[must_use]
pub fn stale(pages: &[Page], folder: &Path) -> Vec<String> {
    let is_stale =
        |page: &&Page| std::fs::read_to_string(folder.join(&page.path)).ok().as_deref() != Some(&page.text);
    pages.iter().filter(is_stale).map(|page| page.path.clone()).collect()
}

/// Writes the pages that are stale in `folder`, and returns their names.
///
/// # Errors
/// As [`pages`], and where the folder cannot be written.
pub async fn refresh(tsbe: Command, tsctl: Command, folder: &Path) -> Result<Vec<String>, String> {
    let pages = pages(tsbe, tsctl).await?;
    let stale = stale(&pages, folder);
    for page in pages.iter().filter(|page| stale.contains(&page.path)) {
        let path = folder.join(&page.path);
        let parent = path.parent().unwrap_or(folder);
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, &page.text));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(stale)
}
