//! Scripts: what is checked, what is bounded, what they can do.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::program::Program;
use super::rehearsal::Rehearsal;
use super::*;

fn failed(text: &str) -> ScriptProblem {
    let tests = test_script("functions/t.rhai", &format!("fn on_event(event) {{}}\n{text}"));
    assert_eq!(tests.len(), 1, "{text}");
    tests.into_iter().next().unwrap().problem.unwrap_or_else(|| panic!("it works: {text}"))
}

fn works(text: &str) {
    let text = format!("fn on_event(event) {{}}\n{text}");
    for test in test_script("functions/t.rhai", &text) {
        assert_eq!(test.problem, None, "{text}");
    }
}

#[test]
fn what_does_not_compile_has_its_place() {
    for (text, line, words) in [
        ("fn on_event(event) {\n  let x = ;\n}", 2, "Unexpected"),
        ("fn on_event(event) {\n  eval(\"1\")\n}", 2, "eval"),
        ("import \"os\" as os;\nfn on_event(e) {}", 1, "import"),
        ("fn other() {}", 0, "on_message"),
        ("fn on_event(a, b) {}", 0, "on_event"),
    ] {
        let problem = check_script("functions/t.rhai", text).unwrap_err();
        assert_eq!(problem.line, line, "{problem}");
        assert!(problem.message.contains(words), "{problem}");
    }
    let long = format!("fn on_event(e) {{}}\n//{}", "x".repeat(2 << 20));
    assert!(check_script("f", &long).unwrap_err().message.contains("KiB"));
}

#[test]
fn what_takes_too_much_is_ended_with_its_place() {
    for (body, words) in [
        ("loop {}", "operations"),
        ("let s = \"x\"; loop { s += s; }", "more than a function may"),
        ("let a = [0]; loop { a += a; }", "more than a function may"),
        ("test_it()", "too deeply"),
        ("sleep(3600)", "cannot sleep"),
        ("throw \"on purpose\"", "on purpose"),
        ("throw #{code: 7}", "7"),
        ("nothing_like_this(1)", "nothing_like_this"),
        ("let x = 1 / 0;", "zero"),
        ("patch(\"none\", #{a: 1})", "no twin «none»"),
        ("patch(\"none\", [#{op: \"move\", path: \"/a\"}])", "Unsupported"),
        ("assert_eq(1, 2)", "it is 1, not 2"),
        ("publish(\"s\", Fn(\"x\"))", "no JSON"),
        ("let a = []; for i in 0..200 { a = [a]; } publish(\"s\", a)", "too deeply"),
        ("publish(\"s\", #{x: 0.0 / 0.0})", "no JSON"),
    ] {
        let problem = failed(&format!("fn test_it() {{\n  {body}\n}}"));
        assert!(problem.message.contains(words), "{body}: {problem}");
        // Where Rhai does not know the place, it is the function's.
        let place = if problem.column > 0 { 3 } else { 2 };
        assert_eq!(problem.line, place, "{body}: {problem}");
    }
}

#[test]
fn what_a_script_can_do() {
    works(
        r#"
        const LIMIT = 30;
        fn test_reads_and_writes() {
            give_twin(#{"$dtId": "a", "$metadata": #{"$model": "dtmi:t:A;1"}, t: 1, part: #{x: 1}});
            patch("a", #{t: 21.5});
            patch("a", [#{op: "replace", path: "/part/x", value: 2}, #{op: "add", path: "/on", value: true}]);
            let twin = twin("a");
            assert_eq([twin.t, twin.part.x, twin.on], [21.5, 2, true]);
            assert(twin("none") == ());
            assert(twin.t < global::LIMIT);
        }
        fn test_tells_others() {
            telemetry("a", #{t: 1});
            telemetry("a", "part", #{t: 2});
            publish("series", #{v: [1, 2.0, "x", (), true]}, "a");
            publish("series", "text");
            send_udf_custom("a", "Space", #{});
            log("said");
            print(now().len());
            let done = done();
            assert_eq(done.len(), 7);
            assert_eq(done[1], #{did: "telemetry", twin: "a", component: "part", body: #{t: 2}});
            assert_eq(done[2].body.v, [1, 2, "x", (), true]);
            assert_eq(done[2].key, "a");
            assert_eq(done[3].key, ());
            assert_eq(done(), []);
        }
        fn test_asks() {
            give_rows([#{"$dtId": "b"}]);
            assert_eq(query("SELECT * FROM DIGITALTWINS")[0]["$dtId"], "b");
        }
    "#,
    );
}

#[test]
fn a_test_does_not_see_another() {
    works(
        "fn test_a() { give_twin(#{\"$dtId\": \"a\"}); }\nfn test_b() { assert(twin(\"a\") == ()); }",
    );
    let program = Program::compile("f", "fn on_event(event) { give_rows([]) }").unwrap();
    assert!(program.rehearse("on_none", Rehearsal::default()).is_err());
}

#[test]
fn the_deepest_that_is_allowed_fits_the_stack() {
    let nested = |depth: usize| {
        let (open, close) = ("abs(".repeat(depth), ")".repeat(depth));
        format!("fn deep(n) {{\n {open}deep(n + 1){close}\n}}\nfn test_it() {{ deep(0) }}")
    };
    let deepest = (1..64)
        .rev()
        .find(|depth| {
            check_script("f", &format!("fn on_event(e) {{}}\n{}", nested(*depth))).is_ok()
        })
        .unwrap();
    assert!(deepest > 10, "{deepest}");
    assert!(failed(&nested(deepest)).message.contains("too deeply"));
    for (open, close) in [
        ("[", "]"),
        ("#{a:", "}"),
        ("{", "}"),
        ("(1+", ")"),
        ("-", ""),
        ("if true {", "}"),
        ("|x| ", ""),
        ("switch 1 { 1 => ", "}"),
        ("try {", "} catch {}"),
        ("`${", "}`"),
    ] {
        for depth in [60, 1_000, 20_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            // Whether it compiles or not: it ends.
            let _ = check_script("f", &format!("fn on_event(e) {{ {body} }}"));
        }
    }
}

#[test]
fn the_documentations_example_works() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/functions.md");
    let text = std::fs::read_to_string(path).unwrap();
    let example = text.split("```rhai").nth(1).unwrap().split("```").next().unwrap();
    let program = Program::compile("functions/comfort.rhai", example).unwrap();
    assert!(program.takes_messages && program.takes_events);
    let tests = test_script("functions/comfort.rhai", example);
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0].problem, None);
}
