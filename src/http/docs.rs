//! `GET /openapi.json`, the description of the API, and `GET /docs/…`, the page to read and try it. The page and
//! its assets are Swagger UI's, in the program itself: it needs no other host.

use std::sync::{Arc, LazyLock};

use utoipa_swagger_ui::Config;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::openapi::openapi_json;
use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{GET, answer, method, reply};

/// The page runs its own scripts and asks the daemon that serves it; it styles itself as it goes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

static DOCUMENT: LazyLock<String> = LazyLock::new(openapi_json);
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").try_it_out_enabled(true)));

pub(super) fn openapi_route() -> BoxedFilter<(Response,)> {
    let openapi = async |allowed: Result<(), Problem>| -> Answer {
        allowed?;
        Ok(reply::text("application/json", DOCUMENT.clone()))
    };
    warp::path!("openapi.json")
        .and(method(GET))
        .then(move |allowed| answer("/openapi.json", openapi(allowed)))
        .boxed()
}

/// `/docs/` and its assets.
pub(super) fn docs_route() -> BoxedFilter<(Response,)> {
    warp::path("docs")
        .and(warp::path::tail())
        .and(warp::path::full())
        .and(method(GET))
        .then(|file: warp::path::Tail, full: warp::path::FullPath, allowed| {
            // Relative names of assets need the slash.
            let is_folder = !file.as_str().is_empty() || full.as_str().ends_with('/');
            answer("/docs/{file}", async move {
                allowed?;
                if is_folder { page(file.as_str()) } else { Ok(see("/docs/")) }
            })
        })
        .boxed()
}

fn page(file: &str) -> Answer {
    let unknown = || Problem::new(ProblemKind::NotFound, "see /docs/ for the page");
    let found = utoipa_swagger_ui::serve(file, Arc::clone(&CONFIG)).map_err(|_| unknown())?;
    let file = found.ok_or_else(unknown)?;
    let mut response = Response::new(file.bytes.into_owned().into());
    let headers = response.headers_mut();
    if let Ok(media_type) = HeaderValue::from_str(&file.content_type) {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// `GET /` and `GET /api/v1` lead to the page.
pub(super) fn home_route() -> BoxedFilter<(Response,)> {
    let home = async |allowed: Result<(), Problem>| -> Answer {
        allowed?;
        Ok(see("/docs/"))
    };
    warp::path::end()
        .or(warp::path!("api" / "v1"))
        .unify()
        .and(method(GET))
        .then(move |allowed| answer("/api/v1", home(allowed)))
        .boxed()
}

fn see(place: &'static str) -> Response {
    let mut response = reply::with_header(Response::default(), "location", place);
    *response.status_mut() = StatusCode::SEE_OTHER;
    response
}
