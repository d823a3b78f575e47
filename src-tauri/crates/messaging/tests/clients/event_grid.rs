use crate::served::{RETRY, tls};
use async_trait::async_trait;
use journal::{Journal, Options};
use messaging::client::{Code, EventGridClient, Retry, TopicAccess, Trust};
use messaging::event_grid::{
    Delivery, Destination, Event, EventGrid, Failure, GridOptions, InputSchema, Schema,
    SubscriptionCounts, TimeFactor, router,
};
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn event(value: Value) -> Map<String, Value> {
    let Value::Object(event) = value else { panic!("no object") };
    event
}

fn grid(journal: &Journal, folder: &Path, factor: f64, base_url: &str) -> Arc<EventGrid> {
    let options = GridOptions {
        secret: "a secret of this test".into(),
        factor: TimeFactor(factor),
        dead_letters: folder.join("dead-letters"),
        base_url: base_url.into(),
    };
    EventGrid::open(journal, options).unwrap()
}

#[tokio::test]
async fn who_opens_a_topic_at_the_same_time_has_the_same_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let grid = grid(&journal, folder.path(), 1.0, "https://localhost:1");
    let open = || grid.open_topic("twins", InputSchema::default());
    let (one, other, third) = tokio::join!(open(), open(), open());
    let (one, other, third) = (one.unwrap(), other.unwrap(), third.unwrap());
    assert!(Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one, &third));
    assert!(Arc::ptr_eq(&one, &grid.topic("twins").unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_by_key_signature_and_none() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let grid = grid(&journal, folder.path(), 1.0, &base_url);
    let topic = grid.open_topic("twins", InputSchema::default()).await.unwrap();
    let (tls, pem) = tls();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = router(grid.clone(), Some("the token".into()));
    let server =
        messaging::http::serve(listener, tls, router, Vec::new(), grid.traffic().clone(), async {
            drop(stopped.await)
        });
    let server = tokio::spawn(server);

    let trust = Trust::Pem(pem);
    let retry = Retry { attempts: 1, ..RETRY };
    let endpoint = grid.endpoint("twins");
    let client = |endpoint: &str, access| EventGridClient::new(endpoint, access, &trust, retry);
    let key = topic.key().to_owned();
    let cloud = event(json!({
        "specversion": "1.0", "id": "1", "type": "t", "source": "s", "data": {"temperature": 21},
    }));
    let grid_event = event(json!({
        "id": "2", "eventType": "t", "subject": "s", "dataVersion": "1",
        "eventTime": "2026-11-27T00:00:00Z", "data": {},
    }));
    for access in [TopicAccess::Key(key.clone()), TopicAccess::SigningKey(key.clone())] {
        let client = client(&endpoint, access).unwrap();
        client.publish(Schema::CloudEventSchemaV1_0, std::slice::from_ref(&cloud)).await.unwrap();
        client.publish(Schema::EventGridSchema, std::slice::from_ref(&grid_event)).await.unwrap();
        // Not an event: all of the request is refused.
        let wrong = [grid_event.clone(), Map::new()];
        let refused = client.publish(Schema::EventGridSchema, &wrong).await.unwrap_err();
        assert_eq!((refused.code, refused.detail.as_deref()), (Code::Refused, Some("400")));
    }
    assert_eq!(grid.traffic().counts().messages_in, 4);
    let nowhere = endpoint.replace("twins", "nothing");
    for (endpoint, access, code) in [
        (endpoint.as_str(), TopicAccess::Key("Z2VoZWlt".into()), Code::Unauthorized),
        (endpoint.as_str(), TopicAccess::SigningKey("Z2VoZWlt".into()), Code::Unauthorized),
        (endpoint.as_str(), TopicAccess::Signature("Z2VoZWlt".into()), Code::Unauthorized),
        (nowhere.as_str(), TopicAccess::Key(key.clone()), Code::NotFound),
        ("https://localhost:1/twins/api/events", TopicAccess::Key(key.clone()), Code::Unreachable),
    ] {
        let client = client(endpoint, access).unwrap();
        let error = client.publish(Schema::EventGridSchema, &[]).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(!format!("{error} {client:?}").contains("Z2VoZWlt"), "{error}");
    }
    assert_eq!(client("not an address", TopicAccess::Key(key)).unwrap_err().code, Code::Settings);
    drop(stop);
    server.await.unwrap();
}

/// Takes nothing, and nothing is to be tried again.
struct Refuses;

#[async_trait]
impl Destination for Refuses {
    async fn deliver(&self, _: Delivery) -> Result<(), Failure> {
        Err(Failure::of_status(400))
    }
}

#[tokio::test]
async fn dead_letters_whose_place_was_taken_away_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    // A dead letter waits for three seconds, not for five minutes.
    let grid = grid(&journal, folder.path(), 0.01, "https://localhost:1");
    let topic = grid.open_topic("twins", InputSchema::default()).await.unwrap();
    grid.set_function("refuses", Some(Arc::new(Refuses)));
    let put = async |letters: Value| {
        let spec = json!({
            "destination": {"endpointType": "AzureFunction", "properties": {"resourceId": "refuses"}},
            "deadLetterDestination": letters,
        });
        let spec = serde_json::from_value(spec).unwrap();
        grid.put_subscription("twins", "sub", spec).await.unwrap();
    };
    let until = async |what: &str, reached: &dyn Fn(SubscriptionCounts) -> bool| {
        for _ in 0..1_000 {
            if reached(grid.subscriptions("twins").unwrap()[0].counts) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:?}", grid.subscriptions("twins").unwrap()[0].counts);
    };
    put(json!({"endpointType": "Folder", "properties": {}})).await;
    let event = event(json!({"id": "1", "eventType": "t", "subject": "s", "data": {}}));
    let json = serde_json::from_str(&Value::Object(event).to_string()).unwrap();
    let event = Event { schema: Schema::EventGridSchema, published: now(), json };
    topic.publish(vec![event]).await.unwrap();
    until("it is refused", &|counts| counts.failed_attempts == 1).await;
    put(Value::Null).await;
    until("it is dropped", &|counts| (counts.dropped, counts.pending) == (1, 0)).await;
    let counts = grid.subscriptions("twins").unwrap()[0].counts;
    assert_eq!(counts.failed_attempts, 0, "it was given up, and is not tried again");
    assert!(!folder.path().join("dead-letters").exists());
}

/// Takes events, or is too busy for any.
struct Takes(bool);

#[async_trait]
impl Destination for Takes {
    async fn deliver(&self, _: Delivery) -> Result<(), Failure> {
        if self.0 { Ok(()) } else { Err(Failure::of_status(503)) }
    }
}

/// A topic with a subscription, in a journal that is closed and opened anew.
struct Reopened {
    folder: TempDir,
    journal: Journal,
    grid: Arc<EventGrid>,
}

impl Reopened {
    /// Three events, delivered or not, all in the database, which is changed by `sql` before the
    /// topic is opened again.
    async fn after(delivered: bool, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let before = Self::open(folder, delivered);
        let topic = before.grid.open_topic("twins", InputSchema::default()).await.unwrap();
        let spec = json!({
            "destination": {"endpointType": "AzureFunction", "properties": {"resourceId": "takes"}},
        });
        let spec = serde_json::from_value(spec).unwrap();
        before.grid.put_subscription("twins", "sub", spec).await.unwrap();
        let event = |id: i32| {
            let json = json!({"id": id.to_string(), "eventType": "t", "subject": "s", "data": {}});
            let json = serde_json::from_str(&json.to_string()).unwrap();
            Event { schema: Schema::EventGridSchema, published: now(), json }
        };
        topic.publish((1..=3).map(event).collect()).await.unwrap();
        let tried = |counts: SubscriptionCounts| match delivered {
            true => counts.delivered == 3,
            false => counts.failed_attempts >= 3,
        };
        before.until("they are tried", tried).await;
        before.grid.stop().await;
        let Self { folder, journal, grid } = before;
        drop((journal, grid, topic));
        // The last to let go of it may be a thread that just ends.
        while folder.path().join(journal::FILES[2]).exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let after = Self::open(folder, true);
        after.change(sql);
        after.grid.open_topic("twins", InputSchema::default()).await.unwrap();
        after
    }

    fn open(folder: TempDir, takes: bool) -> Self {
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        // A function that is busy is called again after a tenth of a second.
        let grid = grid(&journal, folder.path(), 0.01, "https://localhost:1");
        grid.set_function("takes", Some(Arc::new(Takes(takes))));
        Self { folder, journal, grid }
    }

    /// `EVENTS` is the table of the topic's events.
    fn change(&self, sql: &str) {
        let db = Connection::open(self.folder.path().join(journal::FILES[0])).unwrap();
        let stream = "SELECT id, generation FROM stream WHERE name = 'event-grid/twins'";
        let table = db.query_row(stream, [], |row| {
            Ok(format!("records_{}_{}", row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
        });
        db.execute_batch(&sql.replace("EVENTS", &table.unwrap())).unwrap();
    }

    fn counts(&self) -> SubscriptionCounts {
        self.grid.subscriptions("twins").unwrap()[0].counts
    }

    async fn until(&self, what: &str, reached: impl Fn(SubscriptionCounts) -> bool) {
        for _ in 0..1_000 {
            if reached(self.counts()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:?}", self.counts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_for_a_while_is_not_lost() {
    let opened = Reopened::after(false, "ALTER TABLE EVENTS RENAME TO elsewhere").await;
    // Long enough for several attempts to read.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let counts = opened.counts();
    assert_eq!((counts.delivered, counts.lost, counts.pending), (0, 0, 3), "{counts:?}");
    opened.change("ALTER TABLE elsewhere RENAME TO EVENTS");
    opened.until("they are delivered", |counts| counts.delivered == 3).await;
    assert_eq!((opened.counts().lost, opened.counts().pending), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_damaged_is_lost_and_counted_and_holds_up_no_other() {
    let opened = Reopened::after(false, "UPDATE EVENTS SET crc = crc + 1 WHERE position = 2").await;
    opened.until("the others are delivered", |counts| counts.delivered == 2).await;
    opened.until("it is counted", |counts| (counts.lost, counts.pending) == (1, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_place_is_damaged_all_that_is_there_is_delivered_again() {
    let place = "UPDATE value SET crc = crc + 1 WHERE key LIKE '%/progress'";
    let opened = Reopened::after(true, place).await;
    opened.until("they are delivered again", |counts| counts.delivered == 3).await;
    opened.until("none is left", |counts| counts.pending == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_place_and_an_event_are_damaged_the_others_are_delivered() {
    let both = "UPDATE value SET crc = crc + 1 WHERE key LIKE '%/progress';
                UPDATE EVENTS SET crc = crc + 1 WHERE position = 1";
    let opened = Reopened::after(true, both).await;
    opened.until("the others are delivered", |counts| counts.delivered == 2).await;
    opened.until("it is counted", |counts| (counts.lost, counts.pending) == (1, 0)).await;
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
