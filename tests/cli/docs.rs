//! The reference pages in `docs/`: what is committed is what `tsctl docs` writes, on any machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tsctl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tsctl"))
        .env_clear()
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn the_committed_pages_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let docs = committed().display().to_string();
    // Neither the terminal nor the environment of whoever wrote them shows.
    let checked = Command::new(env!("CARGO_BIN_EXE_tsctl"))
        .env_clear()
        .envs([("COLUMNS", "40"), ("PORT", "9999"), ("COROUTINES", "77"), ("ROOT_URL", "http://canary")])
        .current_dir(folder.path())
        .args(["docs", "--check", "--out", &docs])
        .output()
        .unwrap();
    let stale = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(
        (checked.status.code(), stale.as_str()),
        (Some(0), ""),
        "stale pages in docs/: run `make docs`"
    );
}

#[test]
fn a_stale_page_is_named_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let written = tsctl(folder.path(), &["docs"]);
    let names = String::from_utf8(written.stdout).unwrap();
    for name in ["openapi.json", "api.md", "cli.md", "config.md", "metrics.md", "man/tsctl-buy.1"] {
        assert!(names.lines().any(|line| line == name), "{name} is not in {names}");
    }
    let api = folder.path().join("docs/api.md");
    let text = std::fs::read_to_string(&api).unwrap();
    std::fs::write(&api, text.replace("201 Created", "200 OK")).unwrap();
    std::fs::remove_file(folder.path().join("docs/man/tsbe.1")).unwrap();
    let checked = tsctl(folder.path(), &["docs", "--check"]);
    let stale = String::from_utf8(checked.stdout).unwrap();
    assert_eq!((checked.status.code(), stale.as_str()), (Some(1), "api.md\nman/tsbe.1\n"));
    tsctl(folder.path(), &["docs"]);
    assert_eq!(tsctl(folder.path(), &["docs", "--check"]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&api).unwrap(), text);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("docs"), "a file").unwrap();
    let refused = tsctl(folder.path(), &["docs"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.starts_with("tsctl: cannot write docs/"), "{said}");
}
