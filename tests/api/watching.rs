//! What people who watch get: metrics, and the dashboard with its stream of boards.

use std::time::Duration;

use serde_json::Value;

use crate::support::{TestShop, wish};

async fn metrics(shop: &TestShop) -> String {
    let answer = shop.client.get(format!("http://{}/metrics", shop.address)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// The data of the next board of a stream.
async fn next_board(stream: &mut reqwest::Response) -> Value {
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap());
    }
    let (kind, data) = text.trim().split_once('\n').unwrap();
    assert_eq!(kind, "event:board");
    serde_json::from_str(data.strip_prefix("data:").unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_and_requests_are_counted() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[5]).await, shop.buyer().await);
    assert_eq!(shop.purchase(&wish(&account, &fixture, 3), Some("k")).await.status, 201);
    assert_eq!(shop.purchase(&wish(&account, &fixture, 3), Some("k")).await.status, 201);
    shop.purchase(&wish(&account, &fixture, 3), None).await.assert_problem(409, "sold-out");
    shop.get("/secret/path").await;
    let text = metrics(&shop).await;
    for line in [
        "ticketshop_purchases_total{outcome=\"sold\"} 1",
        "ticketshop_purchases_total{outcome=\"replayed\"} 1",
        "ticketshop_purchases_total{outcome=\"sold-out\"} 1",
        "ticketshop_tickets_sold_total{region=\"EU\",country=\"GB\"} 3",
        "ticketshop_purchase_duration_seconds_count 1",
        "ticketshop_http_requests_total{method=\"POST\",route=\"/api/v1/tickets/purchase\",status=\"201\"} 2",
        "ticketshop_http_requests_total{method=\"POST\",route=\"/api/v1/tickets/purchase\",status=\"409\"} 1",
        "ticketshop_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "ticketshop_store_ready 1",
        "ticketshop_cache_requests_total{cache=\"event\",result=\"miss\"} 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("secret"), "a path that a client sent is in a label");
}

/// A buyer who hangs up before the answer has bought all the same, and is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_counted_though_its_buyer_has_gone() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[2_000]).await, shop.buyer().await);
    let body = wish(&account, &fixture, 1).to_string();
    let request = format!(
        "POST /api/v1/tickets/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..200 {
        let mut stream = tokio::net::TcpStream::connect(shop.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        // Some of them are gone before they are read, some while they are sold to.
        tokio::time::sleep(Duration::from_micros(rand::random::<u64>() % 2_000)).await;
    }
    let (mut sold, mut counted) = (0, 1);
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        sold = 2_000 - shop.seats_available(&fixture).await;
        let text = metrics(&shop).await;
        let line =
            text.lines().find_map(|line| line.strip_prefix("ticketshop_purchases_total{outcome=\"sold\"} "));
        counted = line.unwrap().parse().unwrap();
        if sold == counted && sold > 0 {
            break;
        }
    }
    assert!(sold > 20 && sold == counted, "{sold} sold, {counted} counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_follows_the_sales() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[10]).await, shop.buyer().await);
    shop.purchase(&wish(&account, &fixture, 4), None).await;
    let address = format!("http://{}/dashboard/events", shop.address);
    let answer = shop.client.get(&address).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut stream = answer;
    let board = next_board(&mut stream).await;
    assert_eq!((&board["totalTicketsSold"], &board["counted"]["share"]), (&4.into(), &1.0.into()));
    let europe = &board["regions"][0];
    assert_eq!((&europe["code"], &europe["countries"][0]["name"]), (&"EU".into(), &"United Kingdom".into()));
    assert_eq!((&board["onSale"]["seats"], &board["onSale"]["sold"]), (&10.into(), &4.into()));
    assert_eq!(board["fullestEvents"][0]["id"], fixture.event.to_string());
    assert_eq!((&board["store"]["ready"], &board["influx"]["state"]), (&true.into(), &"off".into()));
    assert!(board["latencyMs"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(board["ticketsPerSecond"].as_array().unwrap().len(), 60);

    shop.purchase(&wish(&account, &fixture, 6), None).await;
    shop.purchase(&wish(&account, &fixture, 1), None).await.assert_problem(409, "sold-out");
    loop {
        let board = next_board(&mut stream).await;
        if board["totalTicketsSold"] == 10 && board["soldOutsPerMinute"] == 1 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_dashboard_does_not_hold_up_the_end() {
    let mut shop = TestShop::start().await;
    let address = format!("http://{}/dashboard/events", shop.address);
    let mut stream = shop.client.get(&address).send().await.unwrap();
    next_board(&mut stream).await;
    shop.stop.take().unwrap().send(()).unwrap();
    let drained = tokio::time::timeout(Duration::from_secs(4), &mut shop.stopped).await;
    assert!(drained.expect("the dashboard holds it up").unwrap(), "it was cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_a_page_that_may_fetch_from_nowhere_else() {
    let shop = TestShop::start().await;
    let page = shop.client.get(format!("http://{}/dashboard", shop.address)).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("/dashboard/events") && !text.contains("https://"), "it names another host");
}
