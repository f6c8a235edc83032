use crate::json::{list, measure, quote, Object, Shape};

#[test]
fn accepts_json() {
    let texts = [
        "0",
        "-0",
        "10.5e+3",
        "1E-2",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        " \t\r\n[ 1 , 2 ] \n",
        r#"{"a":{"b":[1,"x",null]},"":0}"#,
        r#""\u00e9\"\\\/\b\f\n\r\t""#,
        "\"é€😀\u{2028}\u{7f}\"",
        r#""\ud800""#,
    ];
    for text in texts {
        assert!(measure(text).is_some(), "{text}");
    }
}

#[test]
fn refuses_what_is_not_json() {
    let texts = [
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "0x1",
        "tru",
        "nul",
        "True",
        "NaN",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "[}",
        "{]",
        "[1}",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\x0cb\"",
        "1 1",
        "{}{}",
        "[]\x0c",
        "'a'",
        "\u{feff}1",
    ];
    for text in texts {
        assert!(measure(text).is_none(), "{text}");
        assert!(Object::parse(&format!("{{\"a\":{text}}}")).is_none(), "{text}");
    }
}

#[test]
fn counts_levels_and_values_as_the_daemon_does() {
    let cases =
        [("1", 0, 1), ("[]", 1, 1), ("[1,2]", 1, 3), (r#"{"a":1}"#, 1, 3), (r#"[{"a":[1]},[]]"#, 3, 6)];
    for (text, levels, values) in cases {
        assert_eq!(measure(text), Some(Shape { levels, values }), "{text}");
    }
}

#[test]
fn reads_the_fields_of_an_object() {
    let text = r#" { "\u0074ype" : "a.b" , "data" : [ {"seq":1} , 2 ], "seq":1,"seq":7, "stale":true, "name":"\u00e9\ud83d\ude00\"\\\/\n" } "#;
    let object = Object::parse(text).unwrap();
    assert_eq!(object.text("type").as_deref(), Some("a.b"));
    assert_eq!(object.raw("data"), Some(r#"[ {"seq":1} , 2 ]"#));
    assert_eq!(object.number::<u64>("seq"), Some(7));
    assert_eq!(object.text("name").as_deref(), Some("é😀\"\\/\n"));
    assert!(object.is_true("stale") && !object.is_true("seq"));
    assert_eq!((object.raw("none"), object.text("seq"), object.number::<u64>("type")), (None, None, None));
    for text in ["[]", "1", "null", "", "{", "{}}", "\"{}\""] {
        assert!(Object::parse(text).is_none(), "{text}");
    }
}

#[test]
fn keeps_whole_numbers_exact() {
    let most = 9_007_199_254_740_991_i64;
    let cases = [
        (most.to_string(), Some(most)),
        ((-most).to_string(), Some(-most)),
        ("1e3".into(), Some(1000)),
        ("5.0".into(), Some(5)),
        ("5.5".into(), None),
        ("1e300".into(), None),
        ("\"5\"".into(), None),
        ("null".into(), None),
    ];
    for (text, expected) in cases {
        assert_eq!(
            Object::parse(&format!("{{\"n\":{text}}}")).unwrap().number::<i64>("n"),
            expected,
            "{text}"
        );
    }
    assert_eq!(Object::parse("{\"n\":-1}").unwrap().number::<u64>("n"), None);
}

#[test]
fn replaces_lone_surrogates_in_names_and_keeps_them_in_payloads() {
    let object = Object::parse(r#"{"a":"x\ud800y","b":"\udc00\ud83d\ude00"}"#).unwrap();
    assert_eq!(object.text("a").as_deref(), Some("x\u{fffd}y"));
    assert_eq!(object.text("b").as_deref(), Some("\u{fffd}😀"));
    assert_eq!(object.raw("a"), Some(r#""x\ud800y""#));
}

#[test]
fn writes_strings_that_it_reads_again() {
    for text in ["", "é€😀", "\"\\/", "\0\x0c\n\x1f\x7f", "\u{2028}"] {
        let json = format!("{{\"a\":{}}}", quote(text));
        assert_eq!(Object::parse(&json).unwrap().text("a").as_deref(), Some(text));
    }
    assert_eq!(list(&["a", "b\""]), r#"["a","b\""]"#);
}

#[test]
fn nests_as_deep_as_memory_allows() {
    let depth = 1_000_000;
    let text = "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(measure(&text), Some(Shape { levels: depth, values: depth }));
    assert_eq!(measure(&text[1..]), None);
    assert_eq!(measure(&"{\"a\":".repeat(depth)), None);
}

#[test]
fn survives_truncated_and_random_input() {
    let text = r#"{"type":"é€😀","data":[-1.5e+7,"\ud83d\ude00\\",{"a":[true,false,null]}],"seq":12}"#;
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(Object::parse(&text[..end]).is_none(), "{}", &text[..end]);
    }
    // A linear congruential generator: each failure can be repeated.
    let mut state = 1_u64;
    let mut random = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    let alphabet = br#"{}[]",:\u0123eE+-.tfnrualse d8"#;
    let mut found = 0;
    for round in 0..40_000 {
        let mut bytes = if round % 2 == 0 { text.as_bytes().to_vec() } else { vec![b'{'; 12] };
        for _ in 0..1 + random(12) {
            let at = random(bytes.len());
            bytes[at] = if random(4) == 0 { random(256) as u8 } else { alphabet[random(alphabet.len())] };
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(object) = Object::parse(&text) {
            found += 1;
            let _ = (object.text("type"), object.number::<u64>("seq"), object.object("data"));
        }
    }
    assert!(found > 100, "nearly nothing of the random input is JSON: {found} texts");
}
