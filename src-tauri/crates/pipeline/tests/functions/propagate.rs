use crate::around::{Around, TRACE, of_message, topology, update};
use adt_service::{Call, ChangeHistory, TwinService};
use pipeline::Event;
use serde_json::json;
use twin_graph::Origin;

fn up() -> pipeline::Topology {
    topology(json!({"functions": {"up": {
        "kind": "propagateToParent", "property": "temperature", "relationship": "contains", "parentProperty": "currentTemp",
    }}}))
}

#[tokio::test]
async fn the_parent_gets_the_value_one_hop_further() {
    let around = Around::new().await;
    let function = around.function(&up(), "up", None);
    let before = around.instance.view().read().version();
    let mut event = update("thermo", 1, 21.5);
    event.hops = 1;
    function.call(Event::Notification(event.into())).await.unwrap();
    assert_eq!(around.twin("room")["currentTemp"], 21.5);
    let change = around.instance.changes_after(before, 10).await.remove(0);
    assert_eq!(change.cause.trace.trace_id(), TRACE.trace_id());
    let by = Origin::Function { name: "up".into(), after: "thermo".into(), hops: 2 };
    assert_eq!(change.cause.origin, by);
    // Nobody contains the room, and another property is not meant.
    function.call(Event::Notification(update("room", 2, 1.0).into())).await.unwrap();
    let mut other = update("thermo", 3, 30.0);
    other.data["patch"][0]["path"] = json!("/other");
    function.call(Event::Notification(other.into())).await.unwrap();
    assert_eq!(around.twin("room")["currentTemp"], 21.5);
    let error = function.call(of_message("d", json!({}))).await.unwrap_err();
    assert!(error.to_string().starts_with("/functions/up: it takes notifications"), "{error}");
}

#[tokio::test]
async fn a_function_that_patches_what_triggers_it_is_cut_off() {
    let around = Around::new().await;
    let function = around.function(&up(), "up", None);
    // As the endpoint and its subscription bring it back, again and again.
    let mut event = update("thermo", 1, 21.5);
    let mut called = 0;
    let error = loop {
        let before = around.instance.view().read().version();
        if let Err(error) = function.call(Event::Notification(event.clone().into())).await {
            break error;
        }
        called += 1;
        let change = around.instance.changes_after(before, 10).await.remove(0);
        event.hops = change.cause.origin.hops();
    };
    assert_eq!(called, pipeline::MOST_HOPS);
    assert!(
        error.to_string().starts_with("/functions/up: it was not called: 16 functions"),
        "{error}"
    );
    let counts = around.counts("functions/up");
    assert_eq!((counts.taken, counts.done), (17, 16));
    assert_eq!(counts.dropped["a trace went through too many functions"], 1);
    // Other traces flow on.
    function.call(Event::Notification(update("thermo", 2, 20.0).into())).await.unwrap();
    assert_eq!(around.twin("room")["currentTemp"], 20.0);
}

#[tokio::test]
async fn a_parent_of_another_kind_is_told_and_the_others_get_it() {
    let around = Around::new().await;
    let call = Call::new(Origin::App);
    let body =
        json!({"$metadata": {"$model": "dtmi:t:Thermostat;1"}, "battery": {"$metadata": {}}});
    around.instance.put_twin(&call, "another", body, false).await.unwrap();
    let functions = topology(json!({"functions": {"up": {
        "kind": "propagateToParent", "property": "temperature", "relationship": "contains", "parentProperty": "nothing",
    }}}));
    let function = around.function(&functions, "up", None);
    let error =
        function.call(Event::Notification(update("thermo", 1, 1.0).into())).await.unwrap_err();
    assert_eq!(error.place, "/functions/up/parentProperty");
    assert!(error.message.contains("«room»"), "{error}");
}
