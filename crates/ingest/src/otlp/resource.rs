//! Who sends: the attributes of a resource, and what is made of them.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attribute::{hash, text};

pub const SERVICE_NAME: &str = "service.name";
pub const SERVICE_NAMESPACE: &str = "service.namespace";
pub const SERVICE_INSTANCE: &str = "service.instance.id";

/// They are in `job` and `instance` already.
pub const IDENTIFYING: [&str; 3] = [SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE];

/// A resource as it is used for all that it sends.
#[derive(Debug)]
pub struct Sender<'a> {
    pub attributes: &'a [KeyValue],
    /// `namespace/name`, or the name alone. Empty when it has none.
    pub job: String,
    pub instance: String,
    /// Equal for equal attributes.
    pub hash: u128,
}

impl<'a> Sender<'a> {
    pub fn of(resource: Option<&'a Resource>) -> Self {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let name = text(attributes, SERVICE_NAME).unwrap_or_default();
        let job = match text(attributes, SERVICE_NAMESPACE) {
            Some(namespace) if !name.is_empty() => format!("{namespace}/{name}"),
            _ => name,
        };
        let instance = text(attributes, SERVICE_INSTANCE).unwrap_or_default();
        Self { attributes, job, instance, hash: hash(attributes) }
    }
}
