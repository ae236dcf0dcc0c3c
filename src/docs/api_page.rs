//! `docs/api.md`: each operation with a real request and the real answer to it.

use std::fmt::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::recorder::{Ask, Exchange, Recorder};
use crate::http::ProblemKind;

const HEAD: &str = "# The API, by example

<!-- Written by `make docs`; changes belong in src/docs/api_page.rs and src/http/openapi/operations.rs. -->

The description for programs is [openapi.json](openapi.json); a running `tsbe` serves it at `/openapi.json`, with a page
to try it at `/docs/`. The answers below are real: they were recorded from a shop on a store made for it. Only ids and
times, which are others each time, have fixed ones in their place.

- Ids are UUIDs, times RFC 3339 in UTC, prices numbers with two decimals.
- Every error is a *problem* (RFC 9457, `application/problem+json`). Its `code` is stable and for programs; `effect`
  says whether anything was done: `none`, or `unknown`, which only `outcome-unknown` has.
- A purchase may have an `Idempotency-Key`, the buyer's own name for it. The same request under the same key, however
  often it is sent and whatever failed in between, is made once, and answered with the same tickets. Send one.
- Every answer has `X-Request-Id`: the request's own where it sent one.
";

/// A page that is being written, and the shop that is asked for it.
struct Writer {
    recorder: Recorder,
    page: String,
}

impl Writer {
    fn section(&mut self, title: &str, about: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.page, "\n## {title}\n\n{about}\n");
    }

    fn example(&mut self, title: &str) {
        let _ = write!(self.page, "\n### {title}\n");
    }

    async fn get(&mut self, path: &str) -> Result<Value, String> {
        Ok(self.exchange(&Ask { method: Method::GET, path, key: None, body: None }).await?.body)
    }

    async fn post(&mut self, path: &str, key: Option<&str>, body: &str) -> Result<Value, String> {
        Ok(self.exchange(&Ask { method: Method::POST, path, key, body: Some(body) }).await?.body)
    }

    async fn exchange(&mut self, ask: &Ask<'_>) -> Result<Exchange, String> {
        let exchange = self.recorder.ask(ask).await?;
        let _ = write!(
            self.page,
            "\n```http\n{}```\n\n```http\n{}```\n",
            exchange.request.trim_end().to_owned() + "\n",
            exchange.answer.trim_end().to_owned() + "\n"
        );
        Ok(exchange)
    }
}

/// The page.
pub(super) async fn page() -> Result<String, String> {
    let mut writer = Writer { recorder: Recorder::start().await?, page: String::from(HEAD) };
    let written = write(&mut writer).await;
    let Writer { recorder, mut page } = writer;
    recorder.end().await;
    written?;
    page.push_str(&problems());
    Ok(page)
}

async fn write(page: &mut Writer) -> Result<(), String> {
    let account = accounts(page).await?;
    let (event, category) = browse(page).await?;
    let sale = purchase(page, &account, &event, &category).await?;
    page.section(
        "Tickets that were bought",
        "A sale by its id, and an account with the tickets of its newest sales.",
    );
    page.get(&format!("/api/v1/sales/{sale}")).await?;
    page.get("/api/v1/account/ada@example.com").await?;
    page.section("Health", "`/healthz`: the process lives. `/readyz`: it can sell; 503 where it cannot.");
    page.get("/readyz").await?;
    Ok(())
}

async fn accounts(page: &mut Writer) -> Result<String, String> {
    page.section(
        "Making an account",
        "One for each e-mail address; `country` is ISO 3166-1 alpha-2, in any case.",
    );
    let body = r#"{"name":"Ada Lovelace","email":"ada@example.com","country":"GB"}"#;
    let account = page.post("/api/v1/account", None, body).await?;
    page.example("The same again finds it: 200");
    page.post("/api/v1/account", None, body).await?;
    page.example("The address under another name");
    page.post("/api/v1/account", None, &body.replace("Ada Lovelace", "Grace Hopper")).await?;
    page.example("Fields that are wrong are all named");
    page.post("/api/v1/account", None, r#"{"name":"","country":"Atlantis"}"#).await?;
    Ok(text(&account, "/id"))
}

async fn browse(page: &mut Writer) -> Result<(String, String), String> {
    page.section("Browsing", "From the days on which there are events to the seats that are left now.");
    page.get("/api/v1/eventsdatesrange").await?;
    let multi_events = page.get("/api/v1/multievents?date=2099-01-31&limit=10&cursor=").await?;
    let path = format!("/api/v1/multievents/{}/events", text(&multi_events, "/0/id"));
    let events = page.get(&path).await?;
    let event = text(&events, "/0/id");
    let details = page.get(&format!("/api/v1/events/{event}")).await?;
    page.example("What is no id, and what there is not");
    page.get("/api/v1/events/tomorrow").await?;
    page.get("/api/v1/events/00000000-0000-4000-8000-000000000000").await?;
    Ok((event, text(&details, "/categories/0/id")))
}

async fn purchase(page: &mut Writer, account: &str, event: &str, category: &str) -> Result<String, String> {
    const PATH: &str = "/api/v1/tickets/purchase";
    let body = |quantity: u32| {
        format!(
            r#"{{"accountId":"{account}","eventId":"{event}","categoryId":"{category}","quantity":{quantity}}}"#
        )
    };
    page.section("Buying", "1 to 10 tickets, all of them or none; neighbouring seats where there are any.");
    let two = body(2);
    let first = Ask { method: Method::POST, path: PATH, key: Some("order-4711"), body: Some(&two) };
    let sale = page.exchange(&first).await?.sale.unwrap_or_default();
    page.example("The same again is answered with the same tickets");
    page.post(PATH, Some("order-4711"), &body(2)).await?;
    page.example("The key with another purchase");
    page.post(PATH, Some("order-4711"), &body(1)).await?;
    page.example("More than are left");
    page.post(PATH, Some("order-4712"), &body(1)).await?;
    page.example("A quantity that nobody may buy");
    page.post(PATH, None, &body(11)).await?;
    Ok(sale)
}

fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer).unwrap_or(&json!("")).as_str().unwrap_or_default().to_owned()
}

/// Every problem there is.
fn problems() -> String {
    let mut text = String::from("\n## Problems\n\n| status | code | title |\n|---|---|---|\n");
    for kind in ProblemKind::all() {
        let (status, code, title) = kind.parts();
        let _ = writeln!(text, "| {} | `{code}` | {title} |", status.as_u16());
    }
    text
}
