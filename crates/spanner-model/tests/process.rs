//! The model as a process.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_spanner::client::Spanner;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_binary_serves_a_database() {
    let schema = std::env::temp_dir().join(format!("spanner-model-{}.sql", std::process::id()));
    std::fs::write(&schema, SCHEMA).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanner-model"));
    command.args(["--addr", "127.0.0.1:0", "--database", DATABASE, "--schema"]).arg(&schema);
    let mut process = Process(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    std::fs::remove_file(&schema).unwrap();
    let endpoint = format!("http://{}", line.trim());
    let spanner = Spanner::builder().with_endpoint(endpoint).build().await.unwrap();
    let client = spanner.database_client(DATABASE).build().await.unwrap();
    write(&client, vec![counter(1, 5)]).await.unwrap();
    assert_eq!(value(&client, 1).await, Some(5));
}

/// Runs in a process of its own, because of its environment variable.
#[tokio::test]
#[ignore = "the next test runs it"]
async fn with_emulator_host() {
    let spanner = Spanner::builder().build().await.unwrap();
    let client = spanner.database_client(DATABASE).build().await.unwrap();
    write(&client, vec![counter(1, 5)]).await.unwrap();
    let admin = spanner.database_admin_builder().build().await.unwrap();
    let ddl = admin.get_database_ddl().set_database(DATABASE).send().await.unwrap();
    assert!(ddl.statements.len() > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_finds_the_emulator_host() {
    let (model, _client) = start().await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "with_emulator_host", "--ignored"]);
    command.env("SPANNER_EMULATOR_HOST", model.addr().to_string());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(model.row_count(DATABASE, "Counter"), Some(1));
}
