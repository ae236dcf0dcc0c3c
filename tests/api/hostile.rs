//! Requests that no good client sends: a documented answer each, nothing written, and the next good
//! request served.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{TestShop, wish};

const PURCHASE: &str = "/api/v1/tickets/purchase";

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_are_malformed() {
    let shop = TestShop::start().await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"{\"a\":}",
        b"\xff\xfe",
        b"\x00",
        b"{\"a\":1}x",
        b"{\"name\":\"\x00\"}",
        deep.as_bytes(),
    ];
    for path in [PURCHASE, "/api/v1/account"] {
        for body in bodies {
            let request = shop.request(Method::POST, path).header("content-type", "application/json");
            let reply = shop.send(request.body(body.to_vec()).header("content-length", body.len())).await;
            reply.assert_problem(400, "malformed-request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_and_one_at_it_is_read() {
    let shop = TestShop::start().await;
    for (length, status, code) in [(65_536, 422, "invalid-fields"), (65_537, 413, "body-too-large")] {
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(length - 11));
        assert_eq!(body.len(), length);
        let request =
            shop.request(Method::POST, "/api/v1/account").header("content-type", "application/json");
        shop.send(request.body(body)).await.assert_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_refused() {
    let shop = TestShop::start().await;
    let request =
        "POST /api/v1/account HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let answer = shop.raw(request.as_bytes(), "length-required").await;
    assert!(
        answer.starts_with("HTTP/1.1 411 ") && answer.contains("\"code\":\"length-required\""),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_refused() {
    let shop = TestShop::start().await;
    let request =
        shop.request(Method::POST, PURCHASE).header("content-type", "application/x-www-form-urlencoded");
    shop.send(request.body("{}")).await.assert_problem(415, "unsupported-media-type");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_headers_are_refused() {
    let shop = TestShop::start().await;
    let request = |headers: usize| {
        let lines: String = (1..headers).map(|at| format!("X-{at}: 1\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
    };
    let answer = shop.raw(request(100).as_bytes(), "\"ok\"").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = shop.raw(request(101).as_bytes(), "too-many-headers").await;
    assert!(
        answer.starts_with("HTTP/1.1 431 ") && answer.contains("\"code\":\"too-many-headers\""),
        "{answer}"
    );
    // Far too many, or far too long: the parser refuses them by itself.
    let answer = shop.raw(request(500).as_bytes(), "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    assert!(shop.raw(long.as_bytes(), "\r\n\r\n").await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused_and_closed() {
    let shop = TestShop::start().await;
    for bytes in
        [&b"hello\r\n\r\n"[..], b"GET / HTTP/1.1\r\nBad\x00Header: x\r\n\r\n", b"\x16\x03\x01\x02\x00"]
    {
        let answer = shop.raw(bytes, "\x00never").await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_told() {
    let shop = TestShop::start().await;
    for (method, path, allow) in [
        (Method::GET, PURCHASE, "POST"),
        (Method::DELETE, "/api/v1/account", "POST"),
        (Method::POST, "/api/v1/multievents", "GET, HEAD"),
        (Method::PUT, "/api/v1/account/a@b", "GET, HEAD"),
        (Method::PATCH, "/healthz", "GET, HEAD"),
        (Method::POST, "/", "GET, HEAD"),
    ] {
        let reply = shop.send(shop.request(method, path)).await;
        reply.assert_problem(405, "method-not-allowed");
        assert_eq!(reply.header("allow"), allow);
    }
    for path in
        ["/api/v2/account", "/api/v1/nothing", "/api/v1/events", "/api/v1/tickets", "/../etc/passwd", "/%00"]
    {
        shop.get(path).await.assert_problem(404, "not-found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_after_a_refusal() {
    let shop = TestShop::start().await;
    let two = "GET /api/v1/events/x HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = shop.raw(two.as_bytes(), "\"ok\"").await;
    assert!(answer.contains("HTTP/1.1 400 ") && answer.contains("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_slow_bodies_are_cut_off() {
    let shop = TestShop::start_with(&[("HEADER_TIMEOUT", "0.3"), ("REQUEST_TIMEOUT", "0.3")]).await;
    let begun = Instant::now();
    let answer = shop.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", "never").await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let idle = shop.raw(b"", "never").await;
    assert_eq!(idle, "");
    let body = "POST /api/v1/account HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name\":";
    let answer = shop.raw(body.as_bytes(), "request-timeout").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(15), "three timeouts of 0.3 s took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let shop = TestShop::start_with(&[("MAX_CONNECTIONS", "2")]).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let stream = tokio::net::TcpStream::connect(shop.address).await.unwrap();
        held.push(stream);
    }
    let third = shop.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "\"ok\"");
    let mut third = std::pin::pin!(third);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut third).await.is_err(),
        "a third was served"
    );
    held.pop();
    assert!(third.await.contains("200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_all_this_was_written() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[50]).await, shop.buyer().await);
    let good = serde_json::to_string(&wish(&account, &fixture, 1)).unwrap();
    for cut in 0..good.len() {
        let request = shop.request(Method::POST, PURCHASE).header("content-type", "application/json");
        let reply = shop.send(request.body(good[..cut].to_owned()).header("content-length", cut)).await;
        assert!(reply.status.is_client_error(), "{cut}: {reply:?}");
    }
    assert_eq!(shop.seats_available(&fixture).await, 50);
    assert_eq!(shop.purchase(&wish(&account, &fixture, 1), None).await.status, 201);
}
