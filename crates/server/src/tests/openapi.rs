//! The document describes what is there.

use state::Role;

use super::fixture::{Fixture, get};
use crate::routes;

#[tokio::test]
async fn every_route_is_in_the_document() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    let document = fixture.ask(get("/api-docs/openapi.json").bearer(&token)).await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{document}");
    for route in routes::all() {
        let path = route.path.replace("{*", "{");
        let operation = &document["paths"][&path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["summary"], route.about, "{} {path}", route.method);
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(parameters, in_path + route.query.len(), "{path}");
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    let text = fixture.ask(get("/api-docs/openapi.json").bearer(&token)).await.text;
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}
