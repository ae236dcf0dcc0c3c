use serde_json::json;

use crate::support::{TestShop, wish};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_once_and_found() {
    let shop = TestShop::start().await;
    let made = shop.post_account(" Ada Lovelace ", "Ada@Example.com", "gb").await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/api/v1/account/ada%40example%2Ecom");
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(
        made.body,
        json!({"id": id, "name": "Ada Lovelace", "email": "ada@example.com", "country": "GB"})
    );

    let again = shop.post_account("Ada Lovelace", "ada@example.com", "GB").await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &made.body));
    for path in
        [made.header("location"), "/api/v1/account/ADA@example.com", "/api/v1/account/ada@example.com/"]
    {
        let found = shop.get(path).await;
        assert_eq!(found.status, 200, "{path}");
        assert_eq!((&found.body["id"], &found.body["tickets"]), (&made.body["id"], &json!([])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_name_or_country_is_refused() {
    let shop = TestShop::start().await;
    shop.post_account("Ada", "ada@example.com", "GB").await;
    for (name, country) in [("Grace", "GB"), ("Ada", "US")] {
        shop.post_account(name, "ada@example.com", country).await.assert_problem(409, "email-taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named() {
    let shop = TestShop::start().await;
    let long = "x".repeat(201);
    let cases = [
        (json!({}), vec!["/name", "/email", "/country"]),
        (json!({"name": "", "email": "ada", "country": "GBR"}), vec!["/name", "/email", "/country"]),
        (json!({"name": 1, "email": [], "country": {}}), vec!["/name", "/email", "/country"]),
        (json!({"name": null, "email": "a@b", "country": "GB"}), vec!["/name"]),
        (json!({"name": long, "email": format!("{long}@example.com"), "country": "GB"}), vec!["/name"]),
        (
            json!({"name": "Ada\u{0}", "email": "a@b\u{0}", "country": "XX"}),
            vec!["/name", "/email", "/country"],
        ),
        (
            json!({"name": "Ada", "email": "a@b", "country": "GB", "id": "1", "admin": true}),
            vec!["/admin", "/id"],
        ),
        (json!([1]), vec![""]),
    ];
    for (body, pointers) in cases {
        let reply = shop.post("/api/v1/account", &body).await;
        reply.assert_problem(422, "invalid-fields");
        let named: Vec<&str> =
            reply.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(named, pointers, "{body}");
    }
    shop.get_account("a@b").await.assert_problem(404, "account-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_none_or_unknown_are_told_apart() {
    let shop = TestShop::start().await;
    shop.get_account("nobody@example.com").await.assert_problem(404, "account-not-found");
    for email in ["nobody", "a%00@b", "%ff@b", "a%20b@c"] {
        shop.get_account(email).await.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_shows_what_it_bought() {
    let shop = TestShop::start().await;
    let fixture = shop.event_with(&[100]).await;
    let account = shop.post_account("Ada", "ada@example.com", "GB").await.body;
    let bought = shop.purchase(&wish(account["id"].as_str().unwrap(), &fixture, 3), None).await;
    let shown = shop.get_account("ada@example.com").await.body;
    assert_eq!(shown["tickets"], bought.body);
}
