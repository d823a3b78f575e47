#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use messaging::event_grid::{Delivery, Destination, Failure, GridOptions, TimeFactor};
use serde_json::json;
use std::path::Path;
use std::time::UNIX_EPOCH;
use tokio::sync::mpsc;
use twin_graph::TraceContext;

#[derive(Default)]
struct Told(Mutex<Vec<(String, String)>>);

impl Observer for Told {
    fn failed(&self, subject: &str, _: TraceContext, message: &str) {
        self.0.lock().push((subject.to_owned(), message.to_owned()));
    }
}

struct Around {
    services: Arc<EmbeddedServices>,
    told: Arc<Told>,
}

impl std::ops::Deref for Around {
    type Target = EmbeddedServices;
    fn deref(&self) -> &EmbeddedServices {
        &self.services
    }
}

fn open(folder: &Path) -> Around {
    // What had it open before may take a moment to let go.
    let journal = (0..100)
        .find_map(|_| {
            let opened = Journal::open(folder, journal::Options::default());
            opened.inspect_err(|_| std::thread::sleep(Duration::from_millis(20))).ok()
        })
        .unwrap();
    let options = GridOptions {
        secret: "secret".into(),
        factor: TimeFactor(0.001),
        dead_letters: folder.join("dead"),
        base_url: "http://localhost:1".into(),
    };
    let told = Arc::new(Told::default());
    let services = EmbeddedServices::new(Parts {
        namespace: Namespace::open(&journal, "secret").unwrap(),
        amqp: ("localhost".into(), 5672),
        grid: EventGrid::open(&journal, options).unwrap(),
        secrets: Arc::new(Secrets::of(folder)),
        observer: told.clone(),
        time_factor: 0.001,
        journal,
    });
    Around { services, told }
}

fn topology(json: serde_json::Value) -> Topology {
    serde_json::from_value(json).unwrap()
}

fn all() -> Topology {
    topology(json!({
        "functions": {"up": {"kind": "propagateToParent", "property": "t", "relationship": "r", "parentProperty": "t"}},
        "endpoints": {
            "eh": {"kind": "eventHub", "entity": "readings"},
            "sb": {"kind": "serviceBus"},
            "eg": {"kind": "eventGrid"}
        },
        "subscriptions": {
            "one": {"endpoint": "eh", "function": "up", "consumerGroup": "mine"},
            "two": {"endpoint": "sb", "function": "up", "filter": "a = 1"},
            "three": {"endpoint": "eg", "function": "up"}
        },
        "sinks": {"out": {"kind": "eventHub"}}
    }))
}

fn there(around: &Around) -> (Vec<String>, Vec<String>, Vec<String>) {
    let hubs = around.parts.namespace.event_hubs();
    let (_, mailboxes) = around.parts.namespace.service_bus();
    (
        hubs.iter().map(|hub| hub.name.clone()).collect(),
        mailboxes.into_iter().map(|mailbox| mailbox.path).collect(),
        around.parts.grid.topics().iter().map(|topic| topic.name().to_owned()).collect(),
    )
}

#[tokio::test]
async fn what_a_topology_needs_is_made_and_only_that_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    {
        let around = open(folder.path());
        let own = around.parts.namespace.clone();
        own.create_event_hub("readings", EventHubSpec::default()).unwrap();
        assert_eq!(around.declare(&all()).await, Vec::<String>::new());
        let (hubs, mailboxes, topics) = there(&around);
        assert_eq!(hubs, ["out", "readings"]);
        assert!(mailboxes.contains(&"sb/Subscriptions/two".to_owned()), "{mailboxes:?}");
        assert_eq!(topics, ["eg"]);
        let string = around.event_hub("readings").await.unwrap();
        assert!(string.contains("Endpoint=sb://localhost:5672;"), "{string}");
        assert!(string.contains("EntityPath=readings;"), "{string}");
        around.parts.grid.stop().await;
    }
    // Also after a start, in which the topology became another.
    let around = open(folder.path());
    assert!(around.parts.namespace.event_hub("readings").unwrap().has_group("mine"));
    let little = topology(json!({"sinks": {"out": {"kind": "eventHub"}}}));
    assert_eq!(around.declare(&little).await, Vec::<String>::new());
    around.release(&little).await;
    let (hubs, mailboxes, topics) = there(&around);
    // The one that was there before stays, without the consumer group that was added to it.
    assert_eq!(hubs, ["out", "readings"]);
    assert!(!around.parts.namespace.event_hub("readings").unwrap().has_group("mine"));
    assert_eq!(mailboxes, Vec::<String>::new());
    assert_eq!(topics, Vec::<String>::new());
    around.release(&Topology::default()).await;
    assert_eq!(there(&around).0, ["readings"]);
    assert!(entities::kept(&around.parts.journal).is_empty());
}

#[tokio::test]
async fn a_name_that_is_taken_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let around = open(folder.path());
    around.event_hub("both").await.unwrap();
    let wrong = around.topic("both", &[]).await.unwrap_err();
    assert!(wrong.contains("both"), "{wrong}");
    assert!(around.event_hub("no name").await.is_err());
    let wrong = around.topic("news", &[("s1".into(), Some("a = ".into()))]).await.unwrap_err();
    assert!(wrong.contains("«s1»"), "{wrong}");
    assert!(!there(&around).1.iter().any(|path| path.starts_with("news")), "half of it was made");
}

#[tokio::test]
async fn another_filter_takes_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let around = open(folder.path());
    let namespace = around.parts.namespace.clone();
    for filter in [Some("a = 1"), Some("a = 2"), None] {
        let subscriptions = [("s1".to_owned(), filter.map(str::to_owned))];
        around.topic("news", &subscriptions).await.unwrap();
        let expected = rule("s1", filter).unwrap();
        assert!(namespace.rules("news", "s1").unwrap() == expected, "{filter:?}");
    }
}

struct Here(mpsc::UnboundedSender<Delivery>);

#[async_trait]
impl Destination for Here {
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        self.0.send(delivery).map_err(|_| Failure::of_status(503))
    }
}

fn event(id: &str) -> messaging::event_grid::Event {
    let json = json!({"specversion": "1.0", "id": id, "type": "t", "source": "s"});
    messaging::event_grid::Event {
        schema: Schema::CloudEventSchemaV1_0,
        published: i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap(),
        json: serde_json::from_str(&json.to_string()).unwrap(),
    }
}

#[tokio::test]
async fn what_is_published_before_the_function_is_there_reaches_it() {
    let folder = tempfile::tempdir().unwrap();
    let around = open(folder.path());
    around.declare(&all()).await;
    around.parts.grid.topic("eg").unwrap().publish(vec![event("1")]).await.unwrap();
    let (sender, mut taken) = mpsc::unbounded_channel();
    for _ in 0..2 {
        // The same again changes nothing.
        let here = GridSubscriber::Here(Arc::new(Here(sender.clone())));
        around.subscribe("eg", "three", here).await.unwrap();
    }
    let within = Duration::from_secs(10);
    let delivery = tokio::time::timeout(within, taken.recv()).await.unwrap().unwrap();
    assert_eq!(delivery.events[0].text("id").unwrap(), "1");
    around.unsubscribe("eg", "three").await;
    around.parts.grid.topic("eg").unwrap().publish(vec![event("2")]).await.unwrap();
    assert!(taken.try_recv().is_err());
    assert!(around.parts.grid.subscriptions("eg").unwrap().is_empty());
}

#[tokio::test]
async fn a_webhook_that_does_not_agree_is_asked_again_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let around = open(folder.path());
    let url = "http://localhost:9/hook?code=hush".to_owned();
    around.subscribe("eg", "hook", GridSubscriber::Webhook(url)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while around.told.0.lock().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let told = around.told.0.lock().clone();
    assert!(
        told.iter().all(|(subject, why)| subject == "subscriptions/hook" && !why.contains("hush")),
        "{told:?}"
    );
    around.unsubscribe("eg", "hook").await;
    assert!(around.asking.lock().is_empty());
}
