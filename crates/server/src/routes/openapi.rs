//! The OpenAPI document, made from the table of routes.

use std::sync::OnceLock;

use axum::Json;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, RefOr,
    Required, Response, ResponseBuilder, Schema,
};

use super::table::{Route, Shape, schema_of};
use crate::access::Access;
use crate::auth::SESSION_COOKIE;
use crate::problem::ProblemDocument;

pub(super) async fn document() -> Json<&'static OpenApi> {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    Json(DOCUMENT.get_or_init(|| describe(&super::all())))
}

pub(super) fn describe(routes: &[Route]) -> OpenApi {
    let mut components = (schema_of::<ProblemDocument>().register)(ComponentsBuilder::new())
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE))))
        .security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut paths = PathsBuilder::new();
    for route in routes {
        for shape in [route.takes, route.answers] {
            if let Shape::Schema(schema) = shape {
                components = (schema.register)(components);
            }
        }
        paths = paths.path(documented_path(route.path), path_item(route));
    }
    let info = InfoBuilder::new()
        .title("Watchkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Errors are RFC 9457 problem documents, but for the Prometheus API."))
        .build();
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components.build())).build()
}

/// OpenAPI has no wildcards.
pub(super) fn documented_path(path: &str) -> String {
    path.replace("{*", "{")
}

fn path_item(route: &Route) -> PathItem {
    let method = match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        _ => HttpMethod::Get,
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.about))
        .description(Some(asks(route.access)))
        .response("200", answer(route.answers))
        .response("default", problem());
    for name in path_parameters(route.path) {
        operation = operation.parameter(parameter(name, ParameterIn::Path, Required::True));
    }
    for name in route.query {
        operation = operation.parameter(parameter(name, ParameterIn::Query, Required::False));
    }
    if let Shape::Schema(schema) = route.takes {
        let content = ContentBuilder::new().schema(Some((schema.reference)())).build();
        let body = RequestBodyBuilder::new().content("application/json", content).build();
        operation = operation.request_body(Some(body));
    }
    if route.access != Access::Open {
        let none: [String; 0] = [];
        operation = operation
            .security(SecurityRequirement::new("session", none.clone()))
            .security(SecurityRequirement::new("token", none));
    }
    PathItemBuilder::new().operation(method, operation.build()).build()
}

fn operation_id(route: &Route) -> String {
    let path = route.path.trim_matches('/').replace(['/', '{', '}', '*', '-', '.'], "_");
    format!("{}_{}", route.method.as_str().to_ascii_lowercase(), if path.is_empty() { "root" } else { &path })
}

fn asks(access: Access) -> String {
    match access {
        Access::Open => "Answers anyone.".to_owned(),
        Access::Page => "A page: without a session it leads to the login.".to_owned(),
        Access::SignedIn => "Needs a signed-in caller.".to_owned(),
        Access::Needs(permission) => format!("Needs the permission `{}`.", permission.as_str()),
        Access::NeedsUnlessLocal(permission) => {
            format!("Needs the permission `{}`, except directly from this machine.", permission.as_str())
        }
    }
}

pub(super) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next()).map(|name| name.trim_start_matches('*'))
}

fn parameter(name: &str, place: ParameterIn, required: Required) -> utoipa::openapi::path::Parameter {
    let schema: RefOr<Schema> = Object::with_type(Type::String).into();
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(schema)).build()
}

fn answer(shape: Shape) -> Response {
    let response = ResponseBuilder::new().description("Done");
    match shape {
        Shape::Nothing => response.build(),
        Shape::Text => response.content("text/plain", ContentBuilder::new().build()).build(),
        Shape::AnyJson => response.content("application/json", ContentBuilder::new().build()).build(),
        Shape::Schema(schema) => {
            let content = ContentBuilder::new().schema(Some((schema.reference)())).build();
            response.content("application/json", content).build()
        }
    }
}

fn problem() -> Response {
    let reference = utoipa::openapi::Ref::from_schema_name("ProblemDocument");
    let content = ContentBuilder::new().schema(Some(RefOr::<Schema>::from(reference))).build();
    ResponseBuilder::new()
        .description("A problem document")
        .content("application/problem+json", content)
        .build()
}
