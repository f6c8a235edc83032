use crate::pattern::{check_pattern, check_topic, matches};

#[test]
fn matches_words() {
    let cases = [
        ("a", "a", true),
        ("a", "b", false),
        ("a", "a.b", false),
        ("a.b", "a", false),
        ("*", "a", true),
        ("*", "a.b", false),
        ("a.*", "a.b", true),
        ("a.*", "a", false),
        ("a.*", "a.b.c", false),
        ("*.b", "a.b", true),
        ("a.*.c", "a.b.c", true),
        (">", "a", true),
        (">", "a.b", true),
        ("a.>", "a", false),
        ("a.>", "a.b", true),
        ("a.>", "a.b.c", true),
        ("a.>", "b.c", false),
        ("*.>", "a.b", true),
        ("*.>", "a", false),
    ];
    for (pattern, topic, expected) in cases {
        assert_eq!(matches(pattern, topic), expected, "{pattern} {topic}");
    }
}

#[test]
fn checks_names() {
    let longest = "x".repeat(255);
    for name in ["a", "A-b_9.c", "chimed-x", "chimedx.a", "a.chimed", &longest] {
        assert!(check_topic(name).is_ok() && check_pattern(name).is_ok(), "{name}");
    }
    for name in ["*", ">", "a.*", "*.a", "a.>", "*.>"] {
        assert!(check_topic(name).is_err() && check_pattern(name).is_ok(), "{name}");
    }
    let too_long = "x".repeat(256);
    for name in [
        "", ".", "a.", ".a", "a..b", "a b", "é", "a\"", ">.a", "a*", "chimed", "chimed.x", "chimed.*",
        &too_long,
    ] {
        assert!(check_topic(name).is_err() && check_pattern(name).is_err(), "{name}");
    }
}
