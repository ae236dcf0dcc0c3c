//! Health, ids of requests, and how the server ends.

use reqwest::Method;
use serde_json::json;

use crate::support::{TestShop, wish};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_and_ready() {
    let shop = TestShop::start().await;
    assert_eq!(shop.get("/healthz").await.body, json!({"status": "ok"}));
    assert_eq!(shop.get("/readyz").await.body, json!({"status": "ready"}));
    shop.store.close().await;
    assert_eq!(shop.get("/healthz").await.status, 200);
    let away = shop.get("/readyz").await;
    away.assert_problem(503, "unavailable");
    assert_eq!(away.header("retry-after"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_told_without_its_inside() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[10]).await, shop.buyer().await);
    shop.store.close().await;
    for reply in [
        shop.purchase(&wish(&account, &fixture, 1), None).await,
        shop.get_account("a@example.com").await,
        shop.get("/api/v1/eventsdatesrange").await,
    ] {
        reply.assert_problem(503, "unavailable");
        assert_eq!(reply.body["detail"], "the store is unavailable");
    }
}

/// The page to read and try the API, whole without any other host, and the ways that lead to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_describes_the_api() {
    let shop = TestShop::start().await;
    for path in ["/", "/api/v1", "/api/v1/", "/docs", "/docs/"] {
        let response = shop.request(Method::GET, path).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.url().path()), (200, "/docs/"), "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("connect-src 'self'"), "{policy}");
        let page = response.text().await.unwrap();
        let assets: Vec<&str> = page
            .split("src=\"")
            .chain(page.split("href=\""))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        for asset in assets.iter().filter(|asset| asset.starts_with("./")) {
            let asset = shop.request(Method::GET, &format!("/docs/{asset}")).send().await.unwrap();
            assert_eq!(asset.status(), 200, "{}", asset.url());
        }
        assert!(assets.len() > 4 && !page.contains("src=\"http") && !page.contains("href=\"http"));
    }
    let start = shop.request(Method::GET, "/docs/swagger-initializer.js").send().await.unwrap();
    assert!(start.text().await.unwrap().contains("/openapi.json"));
    shop.get("/docs/no-such-file").await.assert_problem(404, "not-found");
    let document = shop.get("/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_answered_without_a_body() {
    let shop = TestShop::start().await;
    let response = shop.request(Method::HEAD, "/healthz").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.bytes().await.unwrap().len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_id_or_gets_one() {
    let shop = TestShop::start().await;
    let given = shop.send(shop.request(Method::GET, "/healthz").header("x-request-id", "abc-1")).await;
    assert_eq!(given.header("x-request-id"), "abc-1");
    let mut ids = std::collections::HashSet::new();
    for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
        let reply = shop.send(shop.request(Method::GET, "/healthz").header("x-request-id", bad)).await;
        assert_ne!(reply.header("x-request-id"), bad);
        assert!(ids.insert(reply.header("x-request-id").to_owned()));
    }
}

/// What was begun is answered, and then nobody listens any more.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_requests_in_flight_are_answered() {
    let mut shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[1_000]).await, shop.buyer().await);
    let body = wish(&account, &fixture, 1);
    let requests: Vec<_> = (0..200)
        .map(|_| tokio::spawn(shop.request(Method::POST, "/api/v1/tickets/purchase").json(&body).send()))
        .collect();
    shop.get("/healthz").await;
    shop.stop.take().unwrap().send(()).unwrap();
    assert!((&mut shop.stopped).await.unwrap(), "not drained in time");
    let mut bought = 0;
    for request in requests {
        // A request that came too late met a closed socket; one that got an answer got a good one.
        if let Ok(response) = request.await.unwrap() {
            assert_eq!(response.status(), 201);
            bought += 1;
        }
    }
    let sold = ticketshop::store::conformance::sold(&shop.store, &fixture).await;
    assert!(sold >= bought, "{bought} were answered, {sold} are sold");
    assert!(tokio::net::TcpStream::connect(shop.address).await.is_err());
}
