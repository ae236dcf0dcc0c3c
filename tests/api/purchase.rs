use serde_json::{Value, json};
use ticketshop::store::conformance::{Dates, event_at, hours_from_now};

use crate::support::{TestShop, wish};

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_answers_with_its_tickets_and_is_found() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[100]).await, shop.buyer().await);
    let bought = shop.purchase(&wish(&account, &fixture, 3), None).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    let tickets = bought.body.as_array().unwrap();
    assert_eq!(tickets.len(), 3);
    let mut fields: Vec<&String> = tickets[0].as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["category", "event", "id", "price", "purchaseDate", "seat", "venue"]);
    let seats: Vec<u64> = tickets.iter().map(|ticket| ticket["seat"].as_u64().unwrap()).collect();
    assert!(seats.windows(2).all(|two| two[1] == two[0] + 1), "{seats:?} are no neighbours");
    assert_eq!(tickets[0]["event"], "Silver Lanterns, night 1");
    assert_eq!(
        (&tickets[0]["venue"], &tickets[0]["category"]),
        (&json!("Tokyo Dome"), &json!("General 000"))
    );

    let sale = shop.get(bought.header("location")).await;
    assert_eq!(sale.body["id"], bought.header("sale-id"));
    assert_eq!((&sale.body["tickets"], &sale.body["accountId"]), (&bought.body, &json!(account)));
    assert_eq!((&sale.body["quantity"], &sale.body["total"]), (&json!(3), &json!(149.85)));
    assert_eq!(shop.seats_available(&fixture).await, 97);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_key_answers_the_same() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[100]).await, shop.buyer().await);
    let first = shop.purchase(&wish(&account, &fixture, 2), Some("order-1")).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
    for key in ["order-1", "\"order-1\""] {
        let again = shop.purchase(&wish(&account, &fixture, 2), Some(key)).await;
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
        assert_eq!((&again.body, again.header("sale-id")), (&first.body, first.header("sale-id")));
    }
    let other = shop.purchase(&wish(&account, &fixture, 3), Some("order-1")).await;
    other.assert_problem(422, "idempotency-key-reused");
    assert_eq!(shop.seats_available(&fixture).await, 98);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_fifty_times_at_once_is_one_sale() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[100]).await, shop.buyer().await);
    let body = wish(&account, &fixture, 4);
    let replies = (0..50).map(|_| shop.purchase(&body, Some("burst")));
    let replies = futures_util::future::join_all(replies).await;
    assert!(replies.iter().all(|reply| reply.status == 201 && reply.body == replies[0].body));
    let firsts = replies.iter().filter(|reply| reply.header("idempotent-replayed").is_empty()).count();
    assert_eq!((firsts, shop.seats_available(&fixture).await), (1, 96));
}

#[tokio::test(flavor = "multi_thread")]
async fn sold_out_tells_what_is_left() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[5]).await, shop.buyer().await);
    shop.purchase(&wish(&account, &fixture, 3), None).await;
    let refused = shop.purchase(&wish(&account, &fixture, 3), None).await;
    refused.assert_problem(409, "sold-out");
    assert_eq!(refused.body["left"], 2);
    assert_eq!(shop.purchase(&wish(&account, &fixture, 2), None).await.status, 201);
    let refused = shop.purchase(&wish(&account, &fixture, 1), None).await;
    assert_eq!(refused.body["left"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_sale_is_refused_with_its_dates() {
    let shop = TestShop::start().await;
    let account = shop.buyer().await;
    for (event, sale) in [(48, 24), (-1, -48)] {
        let dates = Dates { event: hours_from_now(event), sale: hours_from_now(sale) };
        let fixture = event_at(&shop.store, &[10], dates).await;
        let refused = shop.purchase(&wish(&account, &fixture, 1), None).await;
        refused.assert_problem(409, "not-on-sale");
        assert!(refused.body["from"].is_string() && refused.body["until"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_things_are_not_found() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[10]).await, shop.buyer().await);
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (field, code) in [
        ("accountId", "account-not-found"),
        ("eventId", "event-not-found"),
        ("categoryId", "category-not-found"),
    ] {
        let mut body = wish(&account, &fixture, 1);
        body[field] = json!(unknown);
        shop.purchase(&body, None).await.assert_problem(404, code);
    }
    assert_eq!(shop.seats_available(&fixture).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_refused_without_effect() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[100]).await, shop.buyer().await);
    let mut bodies: Vec<(Value, &str)> = Vec::new();
    for quantity in
        [json!(0), json!(11), json!(-1), json!(1e18), json!("1"), json!(null), json!(1.5), json!([1])]
    {
        bodies.push((wish(&account, &fixture, quantity), "/quantity"));
    }
    for field in ["accountId", "eventId", "categoryId"] {
        for value in [json!("x"), json!(""), json!(1), json!(null), json!({}), json!("\u{0}")] {
            let mut body = wish(&account, &fixture, 1);
            body[field] = value;
            let pointer = ["/accountId", "/eventId", "/categoryId"].into_iter().find(|p| p.ends_with(field));
            bodies.push((body, pointer.unwrap()));
        }
    }
    let mut unknown = wish(&account, &fixture, 1);
    unknown["price"] = json!(1);
    bodies.push((unknown, "/price"));
    for (body, pointer) in bodies {
        let reply = shop.purchase(&body, None).await;
        reply.assert_problem(422, "invalid-fields");
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{body}");
    }
    for key in ["", "\"\"", "a b", &"k".repeat(129)] {
        let reply = shop.purchase(&wish(&account, &fixture, 1), Some(key)).await;
        reply.assert_problem(400, "invalid-idempotency-key");
    }
    assert_eq!(shop.seats_available(&fixture).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_bots_are_understood() {
    // They send no key, and the field names of the first backend were matched in any case.
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[100]).await, shop.buyer().await);
    let body = json!({
        "AccountId": account,
        "EventId": fixture.event.to_string().to_uppercase(),
        "categoryid": fixture.categories[0].to_string().replace('-', ""),
        "quantity": 1,
    });
    assert_eq!(shop.purchase(&body, None).await.status, 201);
}

/// A client that goes away neither undoes its purchase nor makes half of one.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_harms_nothing() {
    let shop = TestShop::start().await;
    let (fixture, account) = (shop.event_with(&[10_000]).await, shop.buyer().await);
    let body = wish(&account, &fixture, 1);
    for at in 0..200_u64 {
        let patience = std::time::Duration::from_micros(50 * (at % 40));
        let _ = tokio::time::timeout(patience, shop.purchase(&body, Some(&format!("gone-{at}")))).await;
    }
    for at in 0..200 {
        assert_eq!(shop.purchase(&body, Some(&format!("gone-{at}"))).await.status, 201);
    }
    assert_eq!(shop.seats_available(&fixture).await, 9_800);
    ticketshop::store::conformance::assert_consistent(&shop.store).await;
}
