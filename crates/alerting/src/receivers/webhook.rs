//! A POST of JSON to an address of the operator's, with the headers of Standard Webhooks.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;

use super::{Delivery, Envelope, Pace, Receiver, answer, http_client, http_url};
use crate::message::SOURCE;
use crate::settings::WebhookSettings;

pub(super) struct Webhook {
    client: reqwest::Client,
    url: url::Url,
    headers: HeaderMap,
    key: Option<Vec<u8>>,
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let known = HeaderName::try_from(name.as_str());
            let header = known.map_err(|_| format!("`{name}` is not the name of a header"))?;
            let value = HeaderValue::try_from(value.reveal());
            let mut value = value.map_err(|_| format!("the value of the header `{name}` cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let key = settings.secret.as_ref().map(|secret| signing_key(secret.reveal())).transpose()?;
        Ok(Self { client: http_client()?, url: http_url(&settings.url)?, headers, key })
    }
}

#[async_trait]
impl Receiver for Webhook {
    async fn deliver(&self, envelope: &Envelope<'_>) -> Delivery {
        let body = json!({
            "alert": envelope.message.contract_alert(),
            "timestamp": envelope.now.to_rfc3339(),
            "source": SOURCE,
        })
        .to_string();
        let seconds = envelope.now.as_secs();
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", envelope.key)
            .header("webhook-timestamp", seconds);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", signature(key, envelope.key, seconds, &body));
        }
        answer::post(request.body(body), envelope.now).await
    }

    fn pace(&self) -> Pace {
        // A program reads it; the limit is there for storms.
        Pace::new(Duration::from_millis(50), 50)
    }
}

/// `whsec_` and base64 as Standard Webhooks writes keys; any other text is its own bytes.
fn signing_key(secret: &str) -> Result<Vec<u8>, String> {
    match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| "its secret begins with `whsec_` and is not base64".to_owned()),
        None => Ok(secret.as_bytes().to_vec()),
    }
}

fn signature(key: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::Secret;

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        // The example of the specification.
        let key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn wrong_settings_are_refused_without_repeating_secrets() {
        let settings = |url: &str, header: &str, secret: &str| WebhookSettings {
            url: Secret::new(url),
            headers: vec![(header.to_owned(), Secret::new("hunter2\n"))],
            secret: Some(Secret::new(secret)),
        };
        for wrong in [
            settings("http://127.0.0.1/hunter2", "a b", "x"),
            settings("http://127.0.0.1/hunter2", "x-key", "x"),
            settings("hunter2", "a b", "x"),
            settings("ftp://hunter2", "a b", "x"),
            settings("http://127.0.0.1/", "a b", "whsec_hunter2!"),
        ] {
            let reason = Webhook::new(&wrong).err().unwrap();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
