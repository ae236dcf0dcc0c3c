//! With real peers: points of sales in a time-series server, the dashboard in a browser. `make test-live` gets
//! both where it can; the tests fail where they are missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod browser;
mod dashboard;
mod points;
#[path = "../support/mod.rs"]
mod support;

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{purchase, wish};
use ticketshop::store::conformance::Fixture;

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The id of a new account from this country.
async fn account_from(client: &reqwest::Client, url: &str, country: &str) -> String {
    let email = format!("{:x}@example.com", rand::random::<u128>());
    let body = json!({"name": "Ada", "email": email, "country": country});
    let made = client.post(format!("{url}/api/v1/account")).json(&body).send().await.unwrap();
    let account: serde_json::Value = made.json().await.unwrap();
    account["id"].as_str().unwrap().to_owned()
}

/// Buys this many times, two tickets each time.
async fn buy(client: &reqwest::Client, url: &str, account: &str, fixture: &Fixture, times: usize) {
    let body = wish(account, fixture, 0, 2);
    let purchases = (0..times).map(|_| async {
        let key = format!("{:x}", rand::random::<u128>());
        assert_eq!(purchase(client, url, &body, &key).await.unwrap().status(), 201);
    });
    futures_util::future::join_all(purchases).await;
}
