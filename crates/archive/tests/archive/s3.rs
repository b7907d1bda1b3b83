//! A bucket as the place of the archive.

use std::net::SocketAddr;

use archive::{Archive, Place, S3Settings};
use disk::RealDisk;

use crate::bucket::Bucket;
use crate::stand::{content, loud, next_day, one_day, one_of_each, parts, rows_left, store_of};

fn settings(address: SocketAddr) -> S3Settings {
    S3Settings {
        bucket: "kept".to_owned(),
        prefix: "agents/one".to_owned(),
        region: "eu-test-1".to_owned(),
        endpoint: Some(format!("http://{address}")),
        allow_http: true,
        access_key_id: "key".to_owned(),
        secret_access_key: "open sesame".to_owned(),
    }
}

#[tokio::test]
async fn days_go_to_the_bucket_before_they_go() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::default();
    let (address, _running) = bucket.serve().await;
    let archive = Archive::new(&Place::S3(settings(address)), parts(RealDisk, dir.path())).unwrap();
    let store = store_of([one_of_each(5), loud(12)]).await;
    let done = archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!((done.days.len(), rows_left(&*store).await), (3, 0));
    let names = bucket.names();
    let expected =
        ["logs", "samples", "spans"].map(|signal| format!("agents/one/{signal}/2026-11-23.parquet"));
    assert_eq!(names, expected);
    assert_eq!(content(bucket.object(&names[0])).rows.len(), 14);
    assert_eq!(content(bucket.object(&names[2])).rows.len(), 2);
    let parts = bucket.parts();
    assert!(parts.len() == 2 && parts[0] == 8 << 20, "{parts:?}: the large one came in parts of one size");
    assert_eq!(bucket.open_uploads(), 0);
}

#[tokio::test]
async fn a_closed_bucket_keeps_the_day_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::default();
    let (address, _running) = bucket.serve().await;
    let archive = Archive::new(&Place::S3(settings(address)), parts(RealDisk, dir.path())).unwrap();
    let store = store_of([one_of_each(5)]).await;
    bucket.set_closed(true);
    assert!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.is_empty());
    assert_eq!((rows_left(&*store).await, bucket.names().len()), (6, 0));
    bucket.set_closed(false);
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!((rows_left(&*store).await, bucket.names().len()), (0, 3));
}

#[tokio::test]
async fn an_object_that_is_not_whole_keeps_the_day() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::default();
    let (address, _running) = bucket.serve().await;
    let archive = Archive::new(&Place::S3(settings(address)), parts(RealDisk, dir.path())).unwrap();
    let store = store_of([one_of_each(5)]).await;
    bucket.set_leaky(true);
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!(rows_left(&*store).await, 6);
    bucket.set_leaky(false);
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!((rows_left(&*store).await, bucket.names().len()), (0, 3), "in the place of the first attempt");
}

#[test]
fn the_keys_are_not_shown() {
    let shown = format!("{:?}", Place::S3(settings(([127, 0, 0, 1], 1).into())));
    assert_eq!(shown, "S3(s3://kept/agents/one)");
}
