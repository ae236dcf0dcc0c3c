//! Points of sales, from the real `tsbe` to a server that may fail: what arrives, what is dropped and counted,
//! and that no sale cares.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod server;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use server::{Behaviour, FakeInflux};
use support::{Place, Tsbe, purchase, wish};
use ticketshop::store::conformance::Fixture;

/// Settings for a server of version 1.8, with a database and a user.
const VERSION_1: [&str; 6] =
    ["--influx-database", "shop", "--influx-username", "u", "--influx-password", "canary"];

struct Shop {
    daemon: Tsbe,
    fixture: Fixture,
    accounts: Vec<String>,
    client: reqwest::Client,
    _place: Place,
}

impl Shop {
    /// A shop that publishes to this address.
    async fn start(address: &str, arguments: &[&str]) -> Self {
        let place = Place::new();
        let (fixture, accounts) = place.prepare(&[10_000], 4).await;
        // Nobody reads the access log: a full pipe would hold the daemon's end.
        let mut all = vec!["--access-log=false", "--influx-addr", address];
        all.extend(arguments);
        let daemon = place.serve_with(&all);
        Self { daemon, fixture, accounts, client: reqwest::Client::new(), _place: place }
    }

    /// Buys this many times at once, each time two tickets.
    async fn buy(&self, times: usize) {
        let purchases = (0..times).map(|no| {
            let account = &self.accounts[no % self.accounts.len()];
            let body = wish(account, &self.fixture, 0, 2);
            async move {
                let key = format!("{:x}", rand::random::<u128>());
                let answer = purchase(&self.client, &self.daemon.url, &body, &key).await.unwrap();
                assert_eq!(answer.status(), 201);
            }
        });
        futures_util::future::join_all(purchases).await;
    }

    /// The value of a sample of `/metrics`.
    async fn metric(&self, sample: &str) -> u64 {
        let text = self.client.get(format!("{}/metrics", self.daemon.url)).send().await.unwrap();
        let text = text.text().await.unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("{text}"));
        line.trim().parse().unwrap()
    }

    /// What the daemon shows to anyone: metrics, and the first board of the dashboard.
    async fn everything_shown(&self) -> String {
        let get = |path: &str| self.client.get(format!("{}{path}", self.daemon.url)).send();
        let metrics = get("/metrics").await.unwrap().text().await.unwrap();
        let mut board = get("/dashboard/events").await.unwrap();
        let board = board.chunk().await.unwrap().unwrap();
        metrics + std::str::from_utf8(&board).unwrap()
    }

    async fn until_metric(&self, sample: &str, value: u64) {
        let begun = Instant::now();
        while self.metric(sample).await != value {
            assert!(begun.elapsed() < Duration::from_secs(20), "{sample} is {}", self.metric(sample).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the daemon as an operator does, and returns what it said.
    fn end(self) -> String {
        self.daemon.signal("TERM");
        let (status, _, said) = self.daemon.end();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

const DELIVERED: &str = "ticketshop_influx_points_total{result=\"delivered\"}";
const FAILED: &str = "ticketshop_influx_requests_total{result=\"error\"}";
const DROPPED: &str = "ticketshop_influx_points_total{result=\"dropped\"}";
const WAITING: &str = "ticketshop_influx_queue_points";

/// Series and time of a line: two lines that agree in them are one point to InfluxDB.
fn identity(line: &str) -> (String, i64) {
    let mut parts = line.split(' ');
    let (series, _fields, time) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    (series.to_owned(), time.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sale_is_one_point_of_its_own() {
    let influx = FakeInflux::start(Behaviour::Takes).await;
    let shop = Shop::start(&influx.url(), &VERSION_1).await;
    shop.buy(500).await;
    let taken = influx.until_taken(500).await;
    assert_eq!(taken.len(), 500);
    assert_eq!(taken.iter().map(|line| identity(line)).collect::<HashSet<_>>().len(), 500);
    for line in &taken {
        let (series, _) = identity(line);
        assert_eq!(series, "ticket_sale,country=GB,region=EU");
        let fields = line.split(' ').nth(1).unwrap();
        let latency = fields.strip_prefix("avglatency=").unwrap().strip_suffix(",tickets-sold=2i").unwrap();
        assert!(latency.parse::<f64>().unwrap() > 0.0, "{line}");
    }
    let head = &influx.writes()[0].head;
    assert!(head.starts_with("POST /api/v2/write?bucket=shop&org=&precision=ns "), "{head}");
    assert!(head.contains("authorization: Token u:canary"), "{head}");
    shop.until_metric(DELIVERED, 500).await;
    assert_eq!((shop.metric(DROPPED).await, shop.metric(WAITING).await), (0, 0));
    // The password is told to InfluxDB alone.
    let shown = shop.everything_shown().await;
    assert!(shown.contains("ticketshop_") && shown.contains("event:board") && !shown.contains("canary"));
    let said = shop.end();
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(influx.taken().len(), 500, "a point came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_batch_goes_at_once_and_a_part_of_one_after_the_interval() {
    let influx = FakeInflux::start(Behaviour::Takes).await;
    let arguments =
        ["--influx-bucket", "b", "--influx-org", "o", "--influx-token", "t", "--influx-batchsize", "5"];
    let slow: Vec<&str> = arguments.iter().copied().chain(["--influx-flush-interval", "600"]).collect();
    let shop = Shop::start(&influx.url(), &slow).await;
    for _ in 0..5 {
        assert_eq!(influx.taken(), [] as [&str; 0], "a part of a batch went");
        shop.buy(1).await;
    }
    influx.until_taken(5).await;
    assert_eq!(influx.writes().len(), 1, "the batch came in parts");
    assert!(influx.writes()[0].head.contains("bucket=b&org=o"));

    let quick: Vec<&str> = arguments.iter().copied().chain(["--influx-flush-interval", "0.05"]).collect();
    let shop = Shop::start(&influx.url(), &quick).await;
    shop.buy(1).await;
    influx.until_taken(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_when_the_daemon_ends() {
    let influx = FakeInflux::start(Behaviour::Takes).await;
    let arguments =
        ["--influx-database", "d", "--influx-batchsize", "5000", "--influx-flush-interval", "600"];
    let shop = Shop::start(&influx.url(), &arguments).await;
    shop.buy(20).await;
    assert_eq!((influx.taken().len(), shop.metric(WAITING).await), (0, 20));
    shop.end();
    assert_eq!(influx.taken().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn points_survive_a_server_that_fails_for_a_while() {
    let influx = FakeInflux::start(Behaviour::Fails(503)).await;
    let shop = Shop::start(&influx.url(), &VERSION_1).await;
    shop.buy(50).await;
    while influx.writes().len() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    influx.now(Behaviour::Takes);
    let taken = influx.until_taken(50).await;
    assert_eq!(taken.iter().map(|line| identity(line)).collect::<HashSet<_>>().len(), 50);
    shop.until_metric(DELIVERED, 50).await;
    assert_eq!(shop.metric(DROPPED).await, 0);
    let said = shop.end();
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(said.matches("does not take points").count(), 1, "one failure, one line: {said}");
    assert_eq!(said.matches("takes points again").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_for_good_is_dropped_and_counted() {
    let influx = FakeInflux::start(Behaviour::Fails(401)).await;
    let shop = Shop::start(&influx.url(), &["--influx-database", "d"]).await;
    shop.buy(30).await;
    shop.until_metric(DROPPED, 30).await;
    influx.now(Behaviour::Takes);
    shop.buy(10).await;
    influx.until_taken(10).await;
    shop.until_metric(DELIVERED, 10).await;
    assert_eq!((shop.metric(DROPPED).await, shop.metric(WAITING).await), (30, 0));
}

/// However it fails, all sales are made, and the end of the daemon tells exactly what was lost.
#[tokio::test(flavor = "multi_thread")]
async fn no_sale_waits_for_a_server_that_is_away() {
    // A port that is taken, so that nobody else gets it, and where nobody listens.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = format!("http://{}", nobody.local_addr().unwrap());
    for behaviour in [None, Some(Behaviour::Hangs), Some(Behaviour::Drips), Some(Behaviour::Fails(500))] {
        let influx = FakeInflux::start(behaviour.unwrap_or(Behaviour::Takes)).await;
        let address = if behaviour.is_none() { closed.clone() } else { influx.url() };
        let shop = Shop::start(&address, &["--influx-database", "d"]).await;
        shop.buy(200).await;
        let sold = shop.metric("ticketshop_purchases_total{outcome=\"sold\"}").await;
        assert_eq!(sold, 200, "{behaviour:?}");
        assert_eq!(shop.metric(WAITING).await, 200, "{behaviour:?}");
        if matches!(behaviour, None | Some(Behaviour::Fails(_))) {
            // Some tries of the first batch are used up: the end must not give it up before the others.
            while shop.metric(FAILED).await < 4 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let begun = Instant::now();
        let said = shop.end();
        // Far from what the server would need; how long it takes exactly is for the benchmark.
        assert!(begun.elapsed() < Duration::from_secs(5), "{behaviour:?}: {:?}", begun.elapsed());
        assert!(said.contains("lost=200") || said.contains("\"lost\":200"), "{behaviour:?}: {said}");
    }
}
