//! From an entry of the list to the operation in the document.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{
    ContentBuilder, Header, HttpMethod, KnownFormat, ObjectBuilder, PathItem, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

use super::operations::{Content, Operation, Parameter, ParameterSchema, Place, Reply, with_tickets};
use crate::http::ProblemKind;
use crate::http::problem::Problem;

/// Problems that any operation may answer.
const EVERYWHERE: [ProblemKind; 4] = [
    ProblemKind::MethodNotAllowed,
    ProblemKind::TooManyHeaders,
    ProblemKind::Internal,
    ProblemKind::Unavailable,
];
/// Problems that any operation with a body may answer.
const WITH_A_BODY: [ProblemKind; 7] = [
    ProblemKind::MalformedRequest,
    ProblemKind::RequestTimeout,
    ProblemKind::LengthRequired,
    ProblemKind::BodyTooLarge,
    ProblemKind::UnsupportedMediaType,
    ProblemKind::InvalidFields,
    ProblemKind::OutcomeUnknown,
];

/// The path with its one operation.
pub(super) fn path_item(operation: &Operation) -> PathItem {
    let method = if operation.method == "POST" { HttpMethod::Post } else { HttpMethod::Get };
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .parameters(Some(operation.parameters.iter().map(parameter)));
    if !operation.description.is_empty() {
        builder = builder.description(Some(operation.description));
    }
    if let Some((schema, example)) = operation.body {
        let content = ContentBuilder::new().schema(Some(reference(schema))).example(parsed(example)).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        builder = builder.request_body(Some(body.content("application/json", content).build()));
    }
    for one in operation.replies {
        builder = builder.response(one.status.to_string(), reply(operation, one));
    }
    for (status, kinds) in problems(operation) {
        builder = builder.response(status.to_string(), problem(status, &kinds));
    }
    PathItem::new(method, builder.build())
}

fn reference(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

fn parsed(example: &str) -> Option<Value> {
    serde_json::from_str(example).ok()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn parameter(parameter: &Parameter) -> utoipa::openapi::path::Parameter {
    let schema: RefOr<Schema> = match parameter.schema {
        ParameterSchema::Named(name) => reference(name),
        ParameterSchema::Date => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).into(),
        ParameterSchema::Number(least, most) => {
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most)).into()
        }
        ParameterSchema::Pattern(pattern) => text().pattern(Some(pattern)).into(),
    };
    let (place, required) = match parameter.place {
        Place::Path => (ParameterIn::Path, Required::True),
        Place::Query => (ParameterIn::Query, Required::False),
        Place::Header => (ParameterIn::Header, Required::False),
    };
    let example = parsed(parameter.example).unwrap_or_else(|| parameter.example.into());
    ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(place)
        .required(required)
        .schema(Some(schema))
        .description(Some(parameter.description))
        .example(Some(example))
        .build()
}

fn reply(operation: &Operation, reply: &Reply) -> Response {
    let mut response = ResponseBuilder::new().description(reply.description);
    let of_tickets = with_tickets(operation.id);
    let example = parsed(of_tickets.as_deref().unwrap_or(reply.example));
    let (media_type, schema) = match reply.content {
        Content::Json(name) => ("application/json", reference(name)),
        Content::List(name) => ("application/json", ArrayBuilder::new().items(reference(name)).into()),
        Content::AnyJson => ("application/json", ObjectBuilder::new().into()),
        Content::Text(media_type) => (media_type, text().into()),
    };
    response =
        response.content(media_type, ContentBuilder::new().schema(Some(schema)).example(example).build());
    for &name in reply.headers {
        response = response.header(name, header(name));
    }
    response.header("X-Request-Id", header("X-Request-Id")).build()
}

/// Problems by their status.
fn problems(operation: &Operation) -> BTreeMap<u16, Vec<ProblemKind>> {
    let with_a_body: &[ProblemKind] = if operation.body.is_some() { &WITH_A_BODY } else { &[] };
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for &kind in operation.problems.iter().chain(with_a_body).chain(&EVERYWHERE) {
        by_status.entry(kind.parts().0.as_u16()).or_default().push(kind);
    }
    by_status
}

/// An answer that is one of these problems.
fn problem(status: u16, kinds: &[ProblemKind]) -> Response {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.parts().2).collect();
    let codes = kinds.iter().map(|kind| kind.parts().1);
    let one_of = ObjectBuilder::new().property("code", text().enum_values(Some(codes)));
    let schema = AllOfBuilder::new().item(reference("Problem")).item(one_of).build();
    let examples = kinds.iter().map(|&kind| {
        let (_, code, title) = kind.parts();
        (code, ExampleBuilder::new().summary(title).value(Some(Problem::example(kind))).build())
    });
    let content =
        ContentBuilder::new().schema(Some(Schema::AllOf(schema))).examples_from_iter(examples).build();
    let mut response = ResponseBuilder::new()
        .description(titles.join("; "))
        .content("application/problem+json", content)
        .header("X-Request-Id", header("X-Request-Id"));
    for (of, name) in [(405, "Allow"), (503, "Retry-After")] {
        if of == status {
            response = response.header(name, header(name));
        }
    }
    response.build()
}

/// A header of an answer.
fn header(name: &str) -> Header {
    let (about, example) = match name {
        "Location" => ("Where what was made is found", "/api/v1/sales/c1432ca1-5e0b-8d52-9a6e-3f1c9e2b7a01"),
        "Sale-Id" => ("The sale that the tickets are of", "c1432ca1-5e0b-8d52-9a6e-3f1c9e2b7a01"),
        "Idempotent-Replayed" => {
            ("`true` where the purchase had been made before; else it is missing", "true")
        }
        "Link" => (
            "The next page, where `cursor` was given and there is one (RFC 8288)",
            "</api/v1/multievents?limit=50&cursor=3f2504e0-4f89-41d3-9a0c-0305e82c3301>; rel=\"next\"",
        ),
        "Allow" => ("The methods that there are", "GET, HEAD"),
        "Retry-After" => ("Seconds after which to try again", "1"),
        _ => ("The request's own id where it sent one, that of its trace, or a new one", "65a1f0c2d4-17"),
    };
    HeaderBuilder::new().schema(Some(text())).description(Some(about)).example(Some(example.into())).build()
}
