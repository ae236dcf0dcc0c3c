//! Points in VictoriaMetrics, which takes them as InfluxDB does and tells afterwards what it has.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::Place;
use crate::{Running, account_from, buy, until};

/// A server with an empty store, and its address.
async fn victoria_metrics(place: &Place) -> (Running, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("victoria-metrics")
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", place.folder.path().join("points").display()))
        .arg("-retentionPeriod=1d")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("victoria-metrics is needed: `make test-live` gets it");
    let (server, url) = (Running(child), format!("http://127.0.0.1:{port}"));
    until("the time-series server does not start", async || {
        reqwest::get(format!("{url}/health")).await.ok().filter(|answer| answer.status() == 200)
    })
    .await;
    (server, url)
}

/// Values by country and region.
type Values = BTreeMap<(String, String), Vec<f64>>;

/// All values of a field, by country and region.
async fn values(url: &str, field: &str) -> Values {
    reqwest::get(format!("{url}/internal/force_flush")).await.unwrap();
    let matching = format!("{{__name__=\"ticket_sale_{field}\"}}");
    let address = reqwest::Url::parse_with_params(&format!("{url}/api/v1/export"), [("match[]", matching)]);
    let text = reqwest::get(address.unwrap()).await.unwrap().text().await.unwrap();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let series: Value = serde_json::from_str(line).unwrap();
        let tag = |name: &str| series["metric"][name].as_str().unwrap().to_owned();
        let values = series["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
        found.entry((tag("country"), tag("region"))).or_insert_with(Vec::new).extend(values);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sale_arrives_as_a_point_of_its_own() {
    let place = Place::new();
    let (_server, url) = victoria_metrics(&place).await;
    let (fixture, _) = place.prepare(&[100_000], 0).await;
    let daemon =
        place.serve_with(&["--access-log=false", "--influx-addr", &url, "--influx-database", "shop"]);
    let client = reqwest::Client::new();
    let of_countries = [("DE", "EU", 700), ("JP", "AS", 500), ("US", "NA", 300)];
    for (country, _, sales) in of_countries {
        let account = account_from(&client, &daemon.url, country).await;
        buy(&client, &daemon.url, &account, &fixture, sales).await;
    }
    daemon.signal("TERM");
    let (status, _, said) = daemon.end();
    assert_eq!(status.code(), Some(0), "{said}");

    // What was taken can be asked for a moment later.
    let all: usize = of_countries.iter().map(|(_, _, sales)| sales).sum();
    let (tickets, latencies) = until("points are missing", async || {
        let found = (values(&url, "tickets-sold").await, values(&url, "avglatency").await);
        let count = |values: &Values| values.values().map(Vec::len).sum::<usize>();
        (count(&found.0) >= all && count(&found.1) >= all).then_some(found)
    })
    .await;
    for (country, region, sales) in of_countries {
        let series = (country.to_owned(), region.to_owned());
        assert_eq!(tickets[&series], vec![2.0; sales], "{country}");
        assert_eq!(latencies[&series].len(), sales, "{country}");
        assert!(latencies[&series].iter().all(|&ms| ms > 0.0));
    }
}
