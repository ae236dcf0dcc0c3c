//! Every answer that any test gets is held against the document of the API: its status, the code of its problem,
//! its headers, its body. So each test of the API is one of its documentation.

use std::sync::LazyLock;

use jsonschema::Validator;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&ticketshop::http::openapi_json()).unwrap());

/// Checks an answer; those to paths and methods that are none are not documented, but for their problem.
pub(crate) fn assert_documented(
    method: &Method,
    path: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Value,
) {
    let what = format!("{method} {path}: {status} {body}");
    let Some(operation) = operation(method, path) else {
        let code = body["code"].as_str().unwrap_or_else(|| panic!("{what} is no problem"));
        assert!(
            ["not-found", "method-not-allowed"].contains(&code) || path.len() > 1_000,
            "{what} has no operation"
        );
        return;
    };
    let answer = &operation["responses"][status.as_str()];
    assert!(answer.is_object(), "{what}: the status is not documented");
    for (name, _) in answer["headers"].as_object().into_iter().flatten() {
        let optional = ["Link", "Idempotent-Replayed"].contains(&name.as_str());
        assert!(optional || headers.contains_key(name.as_str()), "{what}: without {name}");
    }
    for name in ["location", "sale-id", "idempotent-replayed", "link", "allow", "retry-after"] {
        let documented = answer["headers"]
            .as_object()
            .is_some_and(|all| all.keys().any(|one| one.eq_ignore_ascii_case(name)));
        assert!(documented || !headers.contains_key(name), "{what}: {name} is not documented");
    }
    let media_type = headers["content-type"].to_str().unwrap().split(';').next().unwrap();
    let content = &answer["content"][media_type];
    assert!(content.is_object(), "{what}: {media_type} is not documented");
    if *method != Method::HEAD && media_type.ends_with("json") {
        assert_valid(&content["schema"], body, &what);
    }
}

/// The operation of a path, whichever its parameters are.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let parts = |path: &str| path.trim_end_matches('/').split('/').count();
        parts(template) == parts(path)
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(part, given)| part == given || part.starts_with('{'))
    };
    let (_, item) = paths.iter().find(|(template, _)| fits(template))?;
    let method = if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    // A method that the path has not is answered as any of its operations may be.
    item.get(&method).or_else(|| item.as_object()?.values().next())
}

fn assert_valid(schema: &Value, body: &Value, what: &str) {
    let whole = json!({"components": DOCUMENT["components"], "allOf": [schema]});
    let errors: Vec<String> = validator(&whole)
        .iter_errors(body)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// Every example in the document is one of its schema.
#[test]
fn examples_are_what_they_are_examples_of() {
    let mut checked = 0;
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let answers = operation["responses"].as_object().unwrap().values();
            for content in answers.chain([&operation["requestBody"]]).flat_map(contents) {
                let named = content["examples"].as_object().into_iter().flat_map(|all| all.values());
                for example in named.map(|named| &named["value"]).chain(content.get("example")) {
                    assert_valid(&content["schema"], example, path);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 100, "{checked} examples");
}

fn contents(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["content"].as_object().into_iter().flat_map(|contents| contents.values())
}
