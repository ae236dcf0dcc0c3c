//! The API as bots call it: typed, with repeats. What is repeated is the same request, byte for byte, so a
//! purchase keeps its key and an answer that was lost on the way never buys twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Request, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::answers::{Account, Bought, Dates, Event, EventInList, MultiEvent, NewAccount, Ticket, Wish};
use super::choices::{Buyer, pause_before_repeat};
use super::stop::{Stop, Stopped};
use super::tally::{Route, Tally};
use crate::model::{AccountId, DatesRange, EventId, MultiEventId, SaleId};

/// A request without a definite answer is repeated so often.
const REPEATS: u32 = 5;

/// Calls the API for all bots.
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    /// The address of the API, without a slash at its end.
    pub(super) root: String,
    /// As many calls are under way at once as it has permits.
    pub(super) connections: Semaphore,
    pub(super) tally: Arc<Tally>,
    pub(super) stop: Stop,
}

/// A call that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// A definite no: nothing was done.
    Refused { status: StatusCode, code: String },
    /// An answer that this API does not give; it may have done what it was asked to.
    Strange(String),
    /// No definite answer in all attempts, or none until the bots were asked to end. Where the effect is
    /// unknown, one of the attempts may have done what it was asked to.
    NoAnswer { unknown: bool, why: String },
    /// The bots were asked to end before anything was sent.
    Stopped,
}

impl From<Stopped> for CallError {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

/// What one attempt came to.
enum Attempt {
    Done(HeaderMap, bytes::Bytes),
    /// A definite no.
    Refused(StatusCode, String),
    /// An error of the server that no repeat can be expected to mend.
    Broken(String),
    /// To be repeated.
    Again(Again),
}

/// Why an attempt is repeated.
struct Again {
    why: String,
    retry_after: Option<Duration>,
    /// Whether the attempt may have had its effect.
    unknown: bool,
}

impl Client {
    /// The days on which events begin. Whoever asks first wants to know at once that nobody answers.
    pub(super) async fn events_dates_range(&self, repeats: u32) -> Result<DatesRange, CallError> {
        let request = self.http.get(format!("{}/eventsdatesrange", self.root));
        Ok(self.call::<Dates>(Route::EventsDatesRange, request, repeats).await?.1.into())
    }

    pub(super) async fn create_account(&self, buyer: &Buyer) -> Result<AccountId, CallError> {
        let body = NewAccount { name: &buyer.name, email: &buyer.email, country: buyer.country };
        let request = self.http.post(format!("{}/account", self.root)).json(&body);
        Ok(self.call::<Account>(Route::Account, request, REPEATS).await?.1.id)
    }

    pub(super) async fn multi_events(&self, day: Date) -> Result<Vec<MultiEvent>, CallError> {
        let request = self.http.get(format!("{}/multievents?date={day}", self.root));
        Ok(self.call(Route::MultiEvents, request, REPEATS).await?.1)
    }

    pub(super) async fn events(&self, multi_event: MultiEventId) -> Result<Vec<EventInList>, CallError> {
        let request = self.http.get(format!("{}/multievents/{multi_event}/events", self.root));
        Ok(self.call(Route::Events, request, REPEATS).await?.1)
    }

    pub(super) async fn event(&self, id: EventId) -> Result<Event, CallError> {
        let request = self.http.get(format!("{}/events/{id}", self.root));
        Ok(self.call(Route::Event, request, REPEATS).await?.1)
    }

    /// Buys under `key`, which must be new for each wish.
    pub(super) async fn purchase_tickets(&self, wish: &Wish, key: &str) -> Result<Bought, CallError> {
        let request = self.http.post(format!("{}/tickets/purchase", self.root));
        let request = request.header("Idempotency-Key", key).json(wish);
        let (headers, tickets): (_, Vec<Ticket>) = self.call(Route::Purchase, request, REPEATS).await?;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sale = header("sale-id").and_then(|text| SaleId::parse(text).ok());
        let replayed = header("idempotent-replayed") == Some("true");
        Ok(Bought { sale, replayed, tickets })
    }

    /// Sends a request until it has a definite answer, at most 1 + `repeats` times.
    async fn call<T: DeserializeOwned>(
        &self,
        route: Route,
        request: RequestBuilder,
        repeats: u32,
    ) -> Result<(HeaderMap, T), CallError> {
        // Built once: its attempts are copies, and so is the key in them.
        let request = request.build().map_err(|error| CallError::Strange(told(&error)))?;
        let mut unknown = false;
        let mut repeat = 0;
        loop {
            let copy =
                request.try_clone().ok_or_else(|| CallError::Strange("a body that flows".to_owned()))?;
            let again = match self.attempt::<T>(route, copy, unknown).await? {
                Ok(done) => return Ok(done),
                Err(again) => again,
            };
            unknown |= again.unknown;
            let ended = CallError::NoAnswer { unknown, why: again.why };
            if repeat == repeats {
                return Err(ended);
            }
            let _waiting = self.tally.waiting();
            if self.stop.pause(pause_before_repeat(repeat, again.retry_after)).await.is_err() {
                return Err(ended);
            }
            self.tally.retried();
            repeat += 1;
        }
    }

    /// One attempt, counted. `unknown` says whether one before it may have had its effect.
    async fn attempt<T: DeserializeOwned>(
        &self,
        route: Route,
        request: Request,
        unknown: bool,
    ) -> Result<Result<(HeaderMap, T), Again>, CallError> {
        let permit = {
            let _waiting = self.tally.waiting();
            self.stop.unless_asked(self.connections.acquire()).await
        };
        let _permit = permit.map_err(|Stopped| match unknown {
            true => CallError::NoAnswer { unknown, why: "stopped".to_owned() },
            false => CallError::Stopped,
        })?;
        let begun = Instant::now();
        let attempt = self.send(request).await;
        let time = begun.elapsed();
        // Lets the connection go back to the pool before the next call looks for one there.
        tokio::task::yield_now().await;
        let count = |error| self.tally.called(route, time, error);
        match attempt {
            Attempt::Done(headers, body) => match serde_json::from_slice(&body) {
                Ok(value) => {
                    count(None);
                    Ok(Ok((headers, value)))
                }
                Err(_) => {
                    count(Some("an answer of another form".to_owned()));
                    Err(CallError::Strange("an answer of another form".to_owned()))
                }
            },
            Attempt::Refused(status, code) => {
                count((status != StatusCode::CONFLICT).then(|| format!("{} {code}", status.as_u16())));
                Err(CallError::Refused { status, code })
            }
            Attempt::Broken(why) => {
                count(Some(why.clone()));
                Err(CallError::Strange(why))
            }
            Attempt::Again(again) => {
                count(Some(again.why.clone()));
                Ok(Err(again))
            }
        }
    }

    async fn send(&self, request: Request) -> Attempt {
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return lost(&error),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match response.bytes().await {
            Ok(body) if status.is_success() => Attempt::Done(headers, body),
            Ok(body) => without_success(status, &headers, &body),
            Err(error) => lost(&error),
        }
    }
}

/// An attempt without an answer. Only where no connection was made is it certain that nothing was done.
fn lost(error: &reqwest::Error) -> Attempt {
    Attempt::Again(Again { why: told(error), retry_after: None, unknown: !error.is_connect() })
}

/// Reads an answer that is no success, where it can be as `application/problem+json`.
fn without_success(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Attempt {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Problem {
        code: String,
        effect: String,
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let why = format!("{} {}", status.as_u16(), problem.code).trim_end().to_owned();
    // A gateway's 502 or 504 tells no more of the purchase than a lost connection.
    let unknown = status.is_server_error() && problem.effect != "none";
    match status.as_u16() {
        429 | 502 | 503 | 504 => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Attempt::Again(Again { why, retry_after: seconds.map(Duration::from_secs), unknown })
        }
        _ if unknown => Attempt::Broken(why),
        _ => Attempt::Refused(status, problem.code),
    }
}

/// What happened, in a few words: errors are counted by them.
pub(super) fn told(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_dns() {
        "its name is unknown"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_builder() {
        "no request can be made of it"
    } else {
        "connection lost"
    };
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    match cause {
        Some(cause) if !error.is_timeout() => format!("{kind}: {cause}"),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Attempt {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, 7.into());
        without_success(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn what_may_pass_is_repeated_and_a_definite_no_is_not() {
        for (status, body, unknown) in [
            (429, "", false),
            (503, r#"{"code":"overloaded","effect":"none"}"#, false),
            (503, r#"{"code":"outcome-unknown","effect":"unknown"}"#, true),
            (503, "busy", true),
            (504, "<html>", true),
        ] {
            let Attempt::Again(again) = read(status, body) else { panic!("{status} is not repeated") };
            assert_eq!((again.unknown, again.retry_after), (unknown, Some(Duration::from_secs(7))), "{body}");
        }
        for status in [400, 404, 409, 422] {
            assert!(matches!(read(status, r#"{"code":"x"}"#), Attempt::Refused(_, code) if code == "x"));
        }
        assert!(matches!(read(500, r#"{"effect":"none"}"#), Attempt::Refused(..)));
        assert!(matches!(read(500, "oops"), Attempt::Broken(_)));
    }
}
