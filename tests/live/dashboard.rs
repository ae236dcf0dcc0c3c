//! The dashboard in a browser: its figures move with the sales, survive the daemon, and need no other host.

use serde_json::json;

use crate::browser::Page;
use crate::support::Place;
use crate::{account_from, buy};

const TOTAL: &str = "document.getElementById('total-tickets-sold')?.dataset.value";
const STATE: &str = "document.getElementById('connection')?.dataset.state";

fn text(id: &str) -> String {
    format!("document.getElementById('{id}').textContent")
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_move_with_the_sales_and_survive_the_daemon() {
    let place = Place::new();
    let (fixture, _) = place.prepare(&[1_000], 0).await;
    let daemon = place.serve_with(&["--access-log=false"]);
    let client = reqwest::Client::new();
    let german = account_from(&client, &daemon.url, "DE").await;
    let japanese = account_from(&client, &daemon.url, "JP").await;
    let mut page =
        Page::open(&format!("{}/dashboard", daemon.url), &place.folder.path().join("browser")).await;
    page.until(STATE, json!("live")).await;
    page.until(TOTAL, json!("0")).await;

    buy(&client, &daemon.url, &german, &fixture, 5).await;
    page.until(TOTAL, json!("10")).await;
    buy(&client, &daemon.url, &japanese, &fixture, 3).await;
    page.until(TOTAL, json!("16")).await;
    // The last full minute, once the second of the last sale is over.
    page.until(&format!("{}.replace(/\\D/g, '')", text("tickets-per-minute")), json!("16")).await;
    let p99 = page.value(&format!("parseFloat({})", text("latency-p99"))).await;
    assert!(p99.as_f64().is_some_and(|ms| ms > 0.0), "{p99}");
    assert!(
        page.value(&text("fullest-events")).await.as_str().unwrap().contains("984"),
        "seats that are left"
    );

    // Into a region and back, without a mouse.
    page.value("document.querySelector('#regions button[data-region=EU]').focus()").await;
    page.press("Enter", 13).await;
    page.until(&format!("{}.includes('Germany')", text("countries")), json!(true)).await;
    assert!(!page.value(&text("countries")).await.as_str().unwrap().contains("Japan"));
    page.press("Escape", 27).await;
    page.until("document.querySelector('#regions button[data-region=AS]') !== null", json!(true)).await;

    // A new daemon on the same store has the same total, and the page finds it by itself.
    let port = daemon.url.rsplit(':').next().unwrap().parse().unwrap();
    daemon.signal("TERM");
    let (status, _, said) = daemon.end();
    assert_eq!(status.code(), Some(0), "an open dashboard holds up the end: {said}");
    page.until(STATE, json!("lost")).await;
    let daemon = place.serve_on(port, &["--access-log=false"]);
    page.until(STATE, json!("live")).await;
    page.until(TOTAL, json!("16")).await;
    buy(&client, &daemon.url, &german, &fixture, 1).await;
    page.until(TOTAL, json!("18")).await;

    let others =
        "performance.getEntriesByType('resource').filter(r => !r.name.startsWith(location.origin)).length";
    assert_eq!(page.value(others).await, json!(0), "it fetches from another host");
    // That it could not reach the daemon while that was away is all it may complain of.
    let complaints: Vec<_> =
        page.complaints.iter().filter(|what| !what.to_string().contains("ERR_CONNECTION")).collect();
    let expected = |what: &&&serde_json::Value| what.to_string().contains("ERR_INCOMPLETE_CHUNKED");
    assert_eq!(complaints.iter().filter(|what| !expected(what)).count(), 0, "{complaints:#?}");
}
