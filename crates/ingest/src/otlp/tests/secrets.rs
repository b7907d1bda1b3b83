//! Nothing that looks like a secret gets as far as the store, wherever in a request it stands.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::stand::Stand;
use crate::otlp::Signal;

/// Every text of a request is `§`; each is given a secret.
fn requests() -> [(Signal, Value); 3] {
    let value = json!({ "stringValue": "§" });
    let attributes = json!([
        { "key": "§", "value": value },
        { "key": "plain", "value": { "arrayValue": { "values": [value, { "kvlistValue": { "values": [
            { "key": "inner", "value": value }] } }] } } },
    ]);
    let resource = json!({ "attributes": attributes });
    let scope = json!({ "name": "§", "version": "§", "attributes": attributes });
    let at = "1795000000000000000";
    let exemplar = json!({ "timeUnixNano": at, "asInt": 1, "filteredAttributes": attributes });
    let point = json!({ "timeUnixNano": at, "asInt": 1, "count": 1, "attributes": attributes, "exemplars": [exemplar] });
    let points = json!({ "dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": true });
    let kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];
    let metrics: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({ "name": "§", "description": "§", "unit": "§", *kind: points }))
        .collect();
    let log = json!({ "timeUnixNano": at, "severityText": "§", "eventName": "§", "body": value, "attributes": attributes });
    let ids = json!({ "traceId": "6513270e269e0d37f2a74de452e6b438", "spanId": "0c5c7fd0a6a3a450", "traceState": "§",
        "attributes": attributes });
    let mut span = ids.clone();
    span["name"] = json!("§");
    span["startTimeUnixNano"] = json!(at);
    span["status"] = json!({ "message": "§", "code": 2 });
    span["events"] = json!([{ "name": "§", "timeUnixNano": at, "attributes": attributes }]);
    span["links"] = json!([ids]);
    let of = |outer: &str, inner: &str, list: &str, rows: Value| json!({ outer: [{ "resource": resource, inner: [{ "scope": scope, list: rows }] }] });
    [
        (Signal::Metrics, of("resourceMetrics", "scopeMetrics", "metrics", json!(metrics))),
        (Signal::Logs, of("resourceLogs", "scopeLogs", "logRecords", json!([log]))),
        (Signal::Traces, of("resourceSpans", "scopeSpans", "spans", json!([span]))),
    ]
}

/// What stands before it, the secret, and what stands behind it.
fn secret() -> impl Strategy<Value = (String, String, String)> {
    let shape = |before: &'static str, secret: &'static str, after: &'static str| {
        (Just(before.to_owned()), secret, Just(after.to_owned())).boxed()
    };
    let shapes = prop_oneof![
        shape("", "sk-ant-api03-[A-Za-z0-9_]{20,90}", " "),
        shape("", "sk-proj-[A-Za-z0-9]{20,40}", ""),
        shape("", "gh[opsur]_[A-Za-z0-9]{36}", ""),
        shape("", "github_pat_[A-Za-z0-9_]{40,80}", ""),
        shape("", "glpat-[A-Za-z0-9]{20}", ""),
        shape("", "xox[abp]-[0-9]{10}-[A-Za-z0-9]{24}", ""),
        shape("", "AKIA[0-9A-Z]{16}", ""),
        shape("", "AIza[A-Za-z0-9]{35}", ""),
        shape("", "eyJ[A-Za-z0-9]{20}\\.[A-Za-z0-9]{20}\\.[A-Za-z0-9]{20}", ""),
        shape("Authorization: Bearer ", "[A-Za-z0-9]{12,40}", ""),
        shape("{\"authorization\":\"Basic ", "[A-Za-z0-9]{12,40}", "\"}"),
        shape("https://user:", "[A-Za-z0-9]{8,20}", "@db.example.com/x"),
        shape("password=", "[A-Za-z][A-Za-z0-9]{7,20}", ";"),
        shape("{\"api_key\": \"", "[A-Za-z][A-Za-z0-9]{9,20}", "\"}"),
        shape("?x=1&token=", "[A-Za-z][A-Za-z0-9]{15,20}", "&y=2"),
        shape("-----BEGIN PRIVATE KEY-----\n", "[A-Za-z0-9]{64}", "\n-----END PRIVATE KEY-----"),
    ];
    (shapes, "([a-z]{1,8} )?", "( [a-zäö]{1,8})?").prop_map(|((before, secret, after), head, tail)| {
        (format!("{head}{before}"), secret, format!("{after}{tail}"))
    })
}

/// Puts the secret into the text with this number, or into all.
fn planted(value: &mut Value, text: &str, place: &mut usize) {
    match value {
        Value::String(there) if there == "§" => {
            *there = format!("{text} {place}");
            *place += 1;
        }
        Value::Array(values) => values.iter_mut().for_each(|value| planted(value, text, place)),
        Value::Object(pairs) => pairs.values_mut().for_each(|value| planted(value, text, place)),
        _ => {}
    }
}

proptest! {
    // Each case plants its secret in more than a hundred places.
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_secret_reaches_no_row((before, secret, after) in secret()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let stand = Stand::new().await;
            let mut places = 0;
            for (signal, mut request) in requests() {
                planted(&mut request, &format!("{before}{secret}{after}"), &mut places);
                stand.json(signal, &request).await.unwrap();
            }
            assert!(places > 100, "{places}");
            let rows = format!("{:?}", stand.kept.batches.lock());
            assert!(rows.contains("redacted") && stand.kept.batches.lock().len() == 3);
            assert!(!rows.contains(&secret), "{before}{secret}{after}");
            let said = format!("{:?}", stand.metadata.all(|_| true));
            assert!(!said.contains(&secret), "{said}");
        });
    }
}

#[tokio::test]
async fn what_is_called_a_secret_is_one_however_it_looks() {
    let stand = Stand::new().await;
    let secret = json!({ "arrayValue": { "values": [{ "stringValue": "plainly" }] } });
    let bytes = json!({ "bytesValue": "cGxhaW5seQ==" });
    let record = json!({ "timeUnixNano": "1795000000000000000", "attributes": [
        { "key": "http.request.header.authorization", "value": secret },
        { "key": "db", "value": { "kvlistValue": { "values": [
            { "key": "password", "value": { "kvlistValue": { "values": [{ "key": "a", "value": { "stringValue": "plainly" } }] } } },
            { "key": "token", "value": bytes },
        ] } } },
        { "key": "gen_ai.token.type", "value": { "stringValue": "input" } },
        { "key": "input_tokens", "value": { "intValue": 17 } },
    ] });
    let request = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [record] }] }] });
    stand.json(Signal::Logs, &request).await.unwrap();
    let log = stand.logs().await.remove(0);
    let text = format!("{:?}", log.attributes);
    assert!(!text.contains("plainly") && !text.contains("cGxhaW5seQ"), "{text}");
    assert!(text.contains("\"input\"") && text.contains("17"), "{text}");
}
