//! Against a server that answers as it is told.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::scrape::config::ScrapeConfig;
use crate::scrape::target::{Found, targets};

const BODY_MAX: u64 = 10_000;

fn job_of(server: &MockServer, rest: &str, file: &Path) -> (Arc<Job>, Target) {
    let yaml = format!(
        "scrape_configs:\n- {{job_name: j, static_configs: [{{targets: ['{}']}}], {rest}}}\n",
        server.address()
    );
    let config = ScrapeConfig::parse(file, &yaml).unwrap();
    let job = config.jobs[0].clone();
    let Some(Found::Target(target)) = targets(&job, &job.groups[0], None).pop() else { panic!() };
    (job, *target)
}

async fn fetch_from(server: &MockServer, rest: &str, file: &Path) -> Result<Fetched, FetchError> {
    let (job, target) = job_of(server, rest, file);
    HttpFetch::new(job, &target, Arc::new(disk::RealDisk), BODY_MAX)?.fetch(&target).await
}

fn page(body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.into(), "text/plain; version=0.0.4")
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn it_asks_as_prometheus_asks() {
    let server = MockServer::start().await;
    Mock::given(path("/m"))
        .and(query_param("module", "x"))
        .and(header("x-prometheus-scrape-timeout-seconds", "7.5"))
        .and(header("accept-encoding", "gzip"))
        .and(header("authorization", "Basic dTpw"))
        .respond_with(page("a 1\n"))
        .mount(&server)
        .await;
    let rest = "metrics_path: /m, params: {module: [x]}, scrape_timeout: 7s500ms, \
        basic_auth: {username: u, password: p}";
    let fetched = fetch_from(&server, rest, Path::new("p.yml")).await.unwrap();
    assert_eq!((fetched.format, fetched.body), (Format::Text, b"a 1\n".to_vec()));
    let request = &server.received_requests().await.unwrap()[0];
    let accept = request.headers["accept"].to_str().unwrap();
    assert!(accept.starts_with("application/openmetrics-text;version=1.0.0"), "{accept}");
    assert!(accept.ends_with("*/*;q=0.1"), "{accept}");
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "somebody else writes the credentials")]
async fn credentials_are_read_from_a_file_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = answering(page("a 1\n")).await;
    let (job, target) =
        job_of(&server, "authorization: {credentials_file: token}", &folder.path().join("p.yml"));
    let fetch = HttpFetch::new(job, &target, Arc::new(disk::RealDisk), BODY_MAX).unwrap();
    let error = fetch.fetch(&target).await.unwrap_err().to_string();
    assert!(error.contains("token` cannot be read"), "{error}");
    for secret in ["first", "second"] {
        std::fs::write(folder.path().join("token"), format!("{secret}\n")).unwrap();
        fetch.fetch(&target).await.unwrap();
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.last().unwrap().headers["authorization"], format!("Bearer {secret}"));
    }
}

#[tokio::test]
async fn a_packed_page_is_unpacked_within_its_limit() {
    let gzip = |body: Vec<u8>| page(body).insert_header("content-encoding", "gzip");
    let server = answering(gzip(packed(b"a 1\n"))).await;
    assert_eq!(fetch_from(&server, "", Path::new("p")).await.unwrap().body, b"a 1\n");
    let bomb = answering(gzip(packed(&vec![b'#'; 50_000_000]))).await;
    let error = fetch_from(&bomb, "", Path::new("p")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: BODY_MAX, setting: "scrape.body_max" }), "{error}");
    let broken = answering(gzip(b"not gzip at all".to_vec())).await;
    assert!(matches!(fetch_from(&broken, "", Path::new("p")).await, Err(FetchError::Packed(_))));
    let cut = answering(gzip(packed(b"a 1\n")[..12].to_vec())).await;
    assert!(matches!(fetch_from(&cut, "", Path::new("p")).await, Err(FetchError::Packed(_))));
}

#[tokio::test]
async fn an_answer_that_is_no_page_says_why() {
    let check = async |template: ResponseTemplate, rest: &str, expected: &str| {
        let server = answering(template).await;
        let error = fetch_from(&server, rest, Path::new("p")).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(ResponseTemplate::new(404), "", "status 404").await;
    check(ResponseTemplate::new(200).set_body_raw("<html>", "text/html"), "", "`text/html` is no exposition")
        .await;
    check(page("a 1\n"), "body_size_limit: 3", "more than 3 bytes, which is the most by `body_size_limit`")
        .await;
    check(
        ResponseTemplate::new(302).insert_header("location", "/elsewhere"),
        "follow_redirects: false",
        "status 302",
    )
    .await;
    let (job, target) = job_of(&MockServer::start().await, "", Path::new("p"));
    let fetch = HttpFetch::new(job, &target, Arc::new(disk::RealDisk), BODY_MAX).unwrap();
    // Port 1 is nobody's.
    let refused = Target { url: url::Url::parse("http://127.0.0.1:1/metrics").unwrap(), ..target };
    let error = fetch.fetch(&refused).await.unwrap_err().to_string();
    assert!(error.starts_with("no answer: "), "{error}");
}

#[tokio::test]
async fn without_a_type_the_fallback_counts() {
    let server = answering(ResponseTemplate::new(200).set_body_bytes("a 1\n")).await;
    let rest = "fallback_scrape_protocol: PrometheusText0.0.4";
    assert_eq!(fetch_from(&server, rest, Path::new("p")).await.unwrap().format, Format::Text);
}

#[tokio::test]
async fn a_redirect_is_followed_and_a_missing_authority_is_told() {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(302).insert_header("location", "/there");
    Mock::given(path("/metrics")).respond_with(away).mount(&server).await;
    Mock::given(path("/there")).respond_with(page("a 1\n")).mount(&server).await;
    assert_eq!(fetch_from(&server, "", Path::new("p")).await.unwrap().body, b"a 1\n");
    let error =
        fetch_from(&server, "tls_config: {ca_file: none.pem}", Path::new("/p.yml")).await.unwrap_err();
    assert!(error.to_string().contains("/none.pem` cannot be read"), "{error}");
}
