//! What the compiler does not check of the house: imports point down, files and functions stay small,
//! the project speaks of itself alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::{Path, PathBuf};

/// Modules from the top down. One may import those behind it, and itself.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "daemon",
        &[
            "cli", "docs", "http", "demo", "shop", "metrics", "store", "config", "logging", "signals",
            "version",
        ],
    ),
    (
        "cli",
        &[
            "bench",
            "bots",
            "docs",
            "demo",
            "loader",
            "generator",
            "shop",
            "store",
            "config",
            "logging",
            "version",
            "model",
            "signals",
        ],
    ),
    ("bench", &["loader", "generator", "shop", "store", "model"]),
    ("docs", &["http", "metrics", "shop", "store", "config", "model"]),
    ("http", &["board", "shop", "metrics", "store", "config", "model", "version"]),
    ("board", &["shop", "metrics", "store", "model", "version"]),
    ("bots", &["model"]),
    ("demo", &["loader", "generator", "shop", "store", "model"]),
    ("loader", &["generator", "store", "model"]),
    ("shop", &["metrics", "store", "cache", "model"]),
    ("metrics", &["config", "store", "cache", "model", "version"]),
    ("logging", &["config"]),
    ("config", &["store", "cache", "model"]),
    ("generator", &["model"]),
    ("store", &["cache", "model"]),
    ("cache", &[]),
    ("model", &[]),
    ("roots", &[]),
    ("signals", &[]),
    ("version", &[]),
];
const LINES_MAX: usize = 500;

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no {ending} file");
    found
}

/// The first part of a path below `src`, without its ending.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    below.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The modules that follow each `crate::` in a file, also in `use crate::{a, b}`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("crate::").skip(1) {
        let names: Vec<&str> = match part.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let end =
                name.trim().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.trim().len());
            found.push(name.trim()[..end].to_owned());
        }
    }
    found
}

#[test]
fn imports_point_down() {
    for path in files("src", ".rs") {
        let module = module_of(&path);
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for import in imports(&std::fs::read_to_string(&path).unwrap()) {
            let is_layer = LAYERS.iter().any(|(name, _)| *name == import);
            let allowed = !is_layer || import == module || below.contains(&import.as_str());
            assert!(allowed, "{} imports {import}, which {module} may not", path.display());
        }
    }
}

#[test]
fn every_module_has_its_layer() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for line in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let name = line.trim_end_matches(';');
        assert!(LAYERS.iter().any(|(layer, _)| *layer == name), "{name} has no layer in tests/tidy.rs");
    }
}

#[test]
fn only_the_store_names_its_engines() {
    for path in files("src", ".rs").iter().filter(|path| module_of(path) != "store") {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            ["rusqlite", "sqlite::", "google_cloud"].iter().all(|engine| !text.contains(engine)),
            "{} names an engine",
            path.display()
        );
    }
}

#[test]
fn sql_is_never_put_together_from_values() {
    for path in files("src/store", ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains("format!(\"SELECT")) {
            assert!(line.contains("{SALE_COLUMNS}"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn files_are_small_and_say_what_they_hold() {
    for path in files("src", ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        assert!(text.starts_with("//! "), "{} does not say what it holds", path.display());
    }
}
