use jiff::tz::TimeZone;
use serde_json::{Value, json};
use ticketshop::store::conformance::{Dates, event_at, hours_from_now};

use crate::support::TestShop;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_shop_has_no_dates_and_no_events() {
    let shop = TestShop::start().await;
    shop.get("/api/v1/eventsdatesrange").await.assert_problem(404, "event-not-found");
    assert_eq!(shop.get("/api/v1/multievents").await.body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_finds_the_way_from_a_date_to_a_seat() {
    let shop = TestShop::start().await;
    let fixture = shop.event_with(&[100, 7]).await;
    let range = shop.get("/api/v1/eventsdatesrange").await.body;
    let day = Dates::on_sale().event.to_zoned_datetime(TimeZone::UTC).date().to_string();
    assert_eq!(range, json!({"from": day, "to": day}));

    let multi_events = shop.get(&format!("/api/v1/multievents?date={day}")).await.body;
    let id = fixture.multi_event.to_string();
    assert_eq!(multi_events, json!([{"id": id, "name": "Silver Lanterns"}]));

    let events = shop.get(&format!("/api/v1/multievents/{id}/events")).await.body;
    let listed = &events[0];
    assert_eq!(listed["id"], fixture.event.to_string());
    assert_eq!((&listed["venue"], &listed["country"]), (&json!("Tokyo Dome"), &json!("JP")));
    assert!(listed["when"].as_str().unwrap().ends_with('Z'));

    let event = shop.get_event(&fixture.event.to_string()).await.body;
    for field in ["id", "name", "venue", "country", "when"] {
        assert_eq!(event[field], listed[field]);
    }
    let categories = event["categories"].as_array().unwrap();
    assert_eq!(categories.len(), 2);
    assert_eq!(categories[1]["id"], fixture.categories[1].to_string());
    assert_eq!(
        (&categories[1]["seatsAvailable"], &categories[1]["name"]),
        (&json!(7), &json!("General 001"))
    );
    // Compared as text, since a number would not tell 49.95 from 49.950.
    let text = shop.client.get(format!("http://{}/api/v1/events/{}", shop.address, fixture.event));
    assert!(text.send().await.unwrap().text().await.unwrap().contains("\"price\":49.95}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn multi_events_come_in_pages_or_in_a_random_window() {
    let shop = TestShop::start_with(&[("CACHESIZE", "0")]).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(shop.event_with(&[1]).await.multi_event.to_string());
    }
    ids.sort();
    let day = Dates::on_sale().event.to_zoned_datetime(TimeZone::UTC).date();
    let ids_of = |body: &Value| -> Vec<String> {
        body.as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
    };

    let mut paged = Vec::new();
    let mut path = format!("/api/v1/multievents?date={day}&limit=3&cursor=");
    while !path.is_empty() {
        let page = shop.get(&path).await;
        paged.extend(ids_of(&page.body));
        let link = page.header("link");
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(paged, ids);

    let mut windows = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let window = ids_of(&shop.get(&format!("/api/v1/multievents?date={day}&limit=3")).await.body);
        assert!(ids.windows(3).any(|part| part == window), "{window:?} are no neighbours");
        windows.insert(window);
    }
    assert!(windows.len() > 1, "sixty windows are one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_sale_is_not_listed_but_shown() {
    let shop = TestShop::start().await;
    let dates = Dates { event: hours_from_now(48), sale: hours_from_now(24) };
    let fixture = event_at(&shop.store, &[10], dates).await;
    let events = shop.get(&format!("/api/v1/multievents/{}/events", fixture.multi_event)).await;
    assert_eq!((events.status.as_u16(), events.body), (200, json!([])));
    assert_eq!(shop.get_event(&fixture.event.to_string()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_named() {
    let shop = TestShop::start().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/api/v1/multievents?date=tomorrow",
        "/api/v1/multievents?date=2027-02-30",
        "/api/v1/multievents?date=01/02/2027",
        "/api/v1/multievents?date=2027-01-31T10:00:00Z",
        "/api/v1/multievents?date=%00",
        "/api/v1/multievents?limit=0",
        "/api/v1/multievents?limit=201",
        "/api/v1/multievents?limit=1000000000",
        "/api/v1/multievents?cursor=x",
        "/api/v1/multievents/x/events",
        "/api/v1/events/x",
        "/api/v1/sales/x",
    ] {
        shop.get(path).await.assert_problem(400, "invalid-parameter");
    }
    shop.get(&format!("/api/v1/multievents/{unknown}/events"))
        .await
        .assert_problem(404, "multi-event-not-found");
    shop.get_event(unknown).await.assert_problem(404, "event-not-found");
    shop.get(&format!("/api/v1/sales/{unknown}")).await.assert_problem(404, "sale-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_left_are_never_cached() {
    let shop = TestShop::start_with(&[("CACHEEXPIRATION", "3600")]).await;
    let fixture = shop.event_with(&[100]).await;
    let account = shop.buyer().await;
    for sold in 0..5 {
        assert_eq!(shop.seats_available(&fixture).await, 100 - sold);
        shop.purchase(&crate::support::wish(&account, &fixture, 1), None).await;
    }
}
