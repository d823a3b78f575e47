//! The end of everything.

use crate::around::{Around, until};
use messaging::client::{EventData, Target};
use pipeline::Pipeline;
use serde_json::json;

const EVENTS: u64 = 1_000;

/// A source goes past what it has in hand at a stop: so that must reach its function.
#[tokio::test(flavor = "multi_thread")]
async fn what_sources_have_in_hand_is_handled_before_all_stops() {
    let around = Around::new().await;
    let (topology, client) = around.source_away().await;
    let pipeline = Pipeline::new(around.parts());
    pipeline.apply(&topology, &Default::default()).await;
    until("it is open", || around.parts.memory.load("sources/away/0").is_some()).await;
    let mut batch = client.batch(Target::Partition("0".into())).await.unwrap();
    for number in 1..=EVENTS {
        let body = json!({"id": "thermo", "t": number}).to_string();
        assert!(batch.add(&EventData::new(body)));
    }
    client.send_batch(&batch).await.unwrap();
    until("some are done", || around.counts("functions/in").done > 3).await;
    pipeline.stop().await;
    let heard = around.heard.0.lock().join("\n");
    assert_eq!(heard, "");
    let done = around.counts("functions/in").done;
    assert!(done < EVENTS, "it was stopped while it worked");

    let again = Pipeline::new(around.parts());
    again.apply(&topology, &Default::default()).await;
    until("the rest comes", || around.counts("functions/in").done == EVENTS).await;
    assert_eq!(around.twin("thermo")["temperature"], EVENTS);
    again.stop().await;
}
