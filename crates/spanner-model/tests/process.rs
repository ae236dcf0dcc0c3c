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
