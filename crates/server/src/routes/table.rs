//! One route, and the table by which the guard decides.

use std::collections::HashMap;
use std::time::Duration;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use utoipa::ToSchema;
use utoipa::openapi::{ComponentsBuilder, Ref, RefOr, Schema};

use crate::access::{Access, Permission};
use crate::app::Shared;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Api,
    Dashboard,
    Otlp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// API and dashboard.
    Both,
    Dashboard,
    /// Both, and those of OTLP.
    All,
}

impl Ports {
    pub fn include(self, port: Port) -> bool {
        match port {
            Port::Dashboard => true,
            Port::Api => self != Ports::Dashboard,
            Port::Otlp => self == Ports::All,
        }
    }
}

/// In which words a path answers what cannot be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Errors {
    #[default]
    Problem,
    /// `google.rpc.Status`, in the encoding of the request.
    Otlp,
    /// The headers of gRPC.
    Grpc,
}

/// What a body looks like, for the OpenAPI document.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Nothing,
    Text,
    AnyJson,
    Schema(SchemaOf),
}

/// Registers a schema with everything that it refers to, and refers to it.
#[derive(Clone, Copy)]
pub(crate) struct SchemaOf {
    pub reference: fn() -> RefOr<Schema>,
    pub register: fn(ComponentsBuilder) -> ComponentsBuilder,
}

pub(super) fn schema_of<T: ToSchema>() -> SchemaOf {
    SchemaOf {
        reference: || Ref::from_schema_name(T::name()).into(),
        register: |components| {
            let mut referred = Vec::new();
            T::schemas(&mut referred);
            let components = components.schema_from::<T>();
            referred.into_iter().fold(components, |all, (name, schema)| all.schema(name, schema))
        },
    }
}

pub(crate) struct Route {
    pub method: Method,
    pub path: &'static str,
    pub ports: Ports,
    pub errors: Errors,
    pub access: Access,
    pub about: &'static str,
    pub query: &'static [&'static str],
    pub takes: Shape,
    pub answers: Shape,
    pub patience: Option<Duration>,
    pub handler: MethodRouter<Shared>,
}

impl Route {
    pub fn new(
        method: Method,
        path: &'static str,
        access: Access,
        about: &'static str,
        handler: MethodRouter<Shared>,
    ) -> Self {
        Self {
            method,
            path,
            ports: Ports::Both,
            errors: Errors::Problem,
            access,
            about,
            query: &[],
            takes: Shape::Nothing,
            answers: Shape::Nothing,
            patience: None,
            handler,
        }
    }

    pub fn get<H: Handler<T, Shared>, T: 'static>(
        path: &'static str,
        access: Access,
        about: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::GET, path, access, about, get(handler))
    }

    pub fn post<H: Handler<T, Shared>, T: 'static>(
        path: &'static str,
        access: Access,
        about: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::POST, path, access, about, post(handler))
    }

    pub fn needs<H: Handler<T, Shared>, T: 'static>(
        method: Method,
        path: &'static str,
        permission: Permission,
        about: &'static str,
        handler: H,
    ) -> Self {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::PUT => MethodFilter::PUT,
            _ => MethodFilter::GET,
        };
        Self::new(method, path, Access::Needs(permission), about, on(filter, handler))
    }

    /// A view of the single-page application, behind the login.
    pub fn page<H: Handler<T, Shared>, T: 'static>(path: &'static str, handler: H) -> Self {
        let route = Self::get(path, Access::Page, "A view of the page", handler);
        Self { ports: Ports::Dashboard, answers: Shape::Text, ..route }
    }

    pub fn open_page<H: Handler<T, Shared>, T: 'static>(
        path: &'static str,
        about: &'static str,
        handler: H,
    ) -> Self {
        let route = Self::get(path, Access::Open, about, handler);
        Self { ports: Ports::Dashboard, answers: Shape::Text, ..route }
    }

    /// An endpoint of OTLP, on its own ports too.
    pub fn otlp<H: Handler<T, Shared>, T: 'static>(
        path: &'static str,
        about: &'static str,
        handler: H,
    ) -> Self {
        let route = Self::post(path, Access::NeedsUnlessLocal(Permission::Ingest), about, handler);
        Self { ports: Ports::All, errors: Errors::Otlp, ..route }
    }

    /// The same by gRPC.
    pub fn grpc<H: Handler<T, Shared>, T: 'static>(
        path: &'static str,
        about: &'static str,
        handler: H,
    ) -> Self {
        Self { errors: Errors::Grpc, ..Self::otlp(path, about, handler) }
    }

    pub fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    pub fn takes<T: ToSchema>(self) -> Self {
        Self { takes: Shape::Schema(schema_of::<T>()), ..self }
    }

    pub fn answers<T: ToSchema>(self) -> Self {
        Self { answers: Shape::Schema(schema_of::<T>()), ..self }
    }

    pub fn text(self) -> Self {
        Self { answers: Shape::Text, ..self }
    }

    pub fn json(self) -> Self {
        Self { answers: Shape::AnyJson, ..self }
    }

    pub fn patience(self, seconds: u64) -> Self {
        Self { patience: Some(Duration::from_secs(seconds)), ..self }
    }
}

/// What the guard and the envelope look up.
#[derive(Debug)]
pub(crate) struct Table {
    entries: HashMap<&'static str, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    method: Method,
    errors: Errors,
    access: Access,
    patience: Option<Duration>,
}

impl Table {
    pub fn of(routes: &[Route]) -> Self {
        let mut entries: HashMap<&'static str, Vec<Entry>> = HashMap::new();
        for route in routes {
            let Route { errors, access, patience, .. } = *route;
            let entry = Entry { method: route.method.clone(), errors, access, patience };
            entries.entry(route.path).or_default().push(entry);
        }
        Self { entries }
    }

    fn entry(&self, method: &Method, path: &str) -> Option<&Entry> {
        // HEAD is answered by the handlers of GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.entries.get(path)?.iter().find(|entry| entry.method == *method)
    }

    /// None when there is no such entry: then the answer is no.
    pub fn access(&self, method: &Method, path: &str) -> Option<Access> {
        self.entry(method, path).map(|entry| entry.access)
    }

    pub fn patience(&self, method: &Method, path: &str, usual: Duration) -> Duration {
        self.entry(method, path).and_then(|entry| entry.patience).unwrap_or(usual)
    }

    /// Of all methods of a path, for it may be the method that is wrong.
    pub fn errors(&self, path: &str) -> Errors {
        self.entries
            .get(path)
            .and_then(|entries| entries.first())
            .map(|entry| entry.errors)
            .unwrap_or_default()
    }

    /// The methods that a path answers, as the `Allow` header lists them.
    pub fn methods(&self, path: &str) -> Option<String> {
        let entries = self.entries.get(path)?;
        let mut methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        Some(methods.join(", "))
    }
}
