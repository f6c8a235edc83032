/* The public JSON helpers. */
#include <inttypes.h>
#include <locale.h>

#include "chimed.h"
#include "tap.h"

static bool same(chimed_json json, const char *text) {
  return json.text && json.length == strlen(text) && memcmp(json.text, text, json.length) == 0;
}

static void accepts_json(void) {
  static const char *const valid[] = {"0",
                                      "-0",
                                      "1.5e+3",
                                      "1E5",
                                      "true",
                                      "false",
                                      "null",
                                      "\"\"",
                                      "\"\\u00e9\\n\\\\\"",
                                      "[]",
                                      "{}",
                                      " [ 1 , 2 ] ",
                                      "{\"a\":{\"b\":[{}]},\"\":null}",
                                      "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                                      "\"\\ud800\"",
                                      "\t\r\n1"};
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
    if (!chimed_json_parse(valid[i]).text) tap_fail(__FILE__, __LINE__, valid[i]);
}

static void refuses_what_is_not_json(void) {
  static const char *const invalid[] = {"",
                                        " ",
                                        "01",
                                        "-",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "+1",
                                        "0x10",
                                        "NaN",
                                        "Infinity",
                                        "nul",
                                        "truee",
                                        "\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u12g4\"",
                                        "\"\n\"",
                                        "[",
                                        "]",
                                        "[1,]",
                                        "[,1]",
                                        "[1 2]",
                                        "{",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{1:1}",
                                        "{\"a\":1]",
                                        "[1}",
                                        "1 2",
                                        "{}{}",
                                        "\"\xff\"",
                                        "\"\xc3\"",
                                        "\"\xc0\xaf\"",
                                        "\"\xed\xa0\x80\"",
                                        "\"\xf4\x90\x80\x80\"",
                                        "\"\xe2\x82\"",
                                        "\f1",
                                        "'a'",
                                        "\"\\"};
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
    if (chimed_json_parse(invalid[i]).text) tap_fail(__FILE__, __LINE__, invalid[i]);
}

static void picks_fields_and_elements(void) {
  chimed_json json =
      chimed_json_parse(" {\"a\": [1, {\"b\": \"x\"}], \"c\\u0064\": 2, \"a2\": 3, \"twice\": 1, \"twice\": 2} ");
  CHECK(same(chimed_json_get(json, "a"), "[1, {\"b\": \"x\"}]"));
  CHECK(same(chimed_json_get(chimed_json_at(chimed_json_get(json, "a"), 1), "b"), "\"x\""));
  CHECK(same(chimed_json_get(json, "cd"), "2"));
  CHECK(same(chimed_json_get(json, "twice"), "2"));
  CHECK(!chimed_json_get(json, "b").text);
  CHECK(!chimed_json_get(json, "a\\").text);
  CHECK(!chimed_json_at(chimed_json_get(json, "a"), 2).text);
  CHECK(!chimed_json_at(json, 0).text);
  CHECK(!chimed_json_get(chimed_json_get(json, "none"), "x").text);
}

static void steps_through_objects(void) {
  chimed_json json = chimed_json_parse("{\"a\":1,\"b\":[]}"), key, value;
  const char *position = NULL;
  CHECK(chimed_json_next(json, &position, &key, &value) == 1 && same(key, "\"a\"") && same(value, "1"));
  CHECK(chimed_json_next(json, &position, &key, &value) == 1 && same(key, "\"b\"") && same(value, "[]"));
  CHECK(chimed_json_next(json, &position, &key, &value) == 0);
  position = NULL;
  CHECK(chimed_json_next((chimed_json){"12", 2}, &position, &key, &value) == -1);
}

static void nests_many_levels_without_recursion(void) {
  static char text[4000];
  for (size_t levels = 1; levels <= 600; levels++) {
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    text[2 * levels] = 0;
    CHECK((chimed_json_parse(text).text != NULL) == (levels <= 512));
  }
}

static void reads_numbers_in_any_locale(void) {
  static const struct {
    const char *text;
    double number;
  } cases[] = {{"0.5", 0.5}, {"-1.5e-7", -1.5e-7}, {"1e300", 1e300}, {"9007199254740991", 9007199254740991.0}};
  if (!setlocale(LC_ALL, "de_DE.UTF-8")) /* Its decimal point is a comma. */
    printf("# the locale de_DE.UTF-8 is not installed: numbers are only read in the locale C\n");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double number = 0;
    CHECK(chimed_json_number(chimed_json_parse(cases[i].text), &number));
    CHECK(!(number < cases[i].number) && !(number > cases[i].number));
  }
  double number;
  CHECK(!chimed_json_number(chimed_json_parse("\"1\""), &number));
  CHECK(!chimed_json_number((chimed_json){"0x10", 4}, &number));
  CHECK(!chimed_json_number((chimed_json){NULL, 0}, &number));
  chimed_json list = chimed_json_parse("[12,34]");
  CHECK(chimed_json_number(chimed_json_at(list, 0), &number) && number > 11.5 && number < 12.5);
}

static void reads_whole_numbers_exactly(void) {
  static const struct {
    const char *text;
    int64_t number;
  } cases[] = {{"0", 0},
               {"-0", 0},
               {"9007199254740991", 9007199254740991},
               {"-9007199254740991", -9007199254740991},
               {"9223372036854775807", INT64_MAX},
               {"-9223372036854775808", INT64_MIN}};
  static const char *const others[] = {
      "9223372036854775808", "-9223372036854775809", "1.0", "1e3", "99999999999999999999", "true", "\"1\""};
  int64_t number;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK(chimed_json_integer(chimed_json_parse(cases[i].text), &number) && number == cases[i].number);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    CHECK(!chimed_json_integer(chimed_json_parse(others[i]), &number));
}

static void decodes_strings(void) {
  static const char *const cases[][2] = {
      {"\"\"", ""},
      {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"},
      {"\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\"\\ud800\"", "\xef\xbf\xbd"},
      {"\"a\\u0000\"", "a\xef\xbf\xbd"},
      {"\"\\udc00x\"", "\xef\xbf\xbdx"},
      {"\"\\ud800\\ud800\"", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\"\\ud800\\u0041\"",
       "\xef\xbf\xbd"
       "A"}};
  char out[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK(chimed_json_string(chimed_json_parse(cases[i][0]), out, sizeof out) == (ssize_t)strlen(cases[i][1]));
    CHECK_TEXT(out, cases[i][1]);
  }
  CHECK(chimed_json_string(chimed_json_parse("\"\xe2\x82\xac\xe2\x82\xac\""), out, 6) == 6);
  CHECK_TEXT(out, "\xe2\x82\xac");
  CHECK(chimed_json_string(chimed_json_parse("\"abc\""), NULL, 0) == 3);
  CHECK(chimed_json_string(chimed_json_parse("1"), out, sizeof out) == -1);
  CHECK(chimed_json_string((chimed_json){"\"a\"b\"", 5}, out, sizeof out) == -1);
}

static void quotes_text(void) {
  char out[64];
  CHECK(chimed_json_quote("a\"\\\n\x01\xc3\xa9\xff", out, sizeof out) == strlen(out));
  CHECK_TEXT(out, "\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\xef\xbf\xbd\"");
  for (size_t size = 0; size < 5; size++) {
    memset(out, 'x', sizeof out);
    CHECK(chimed_json_quote("abc", out, size) == 5);
    CHECK(size == 0 || strlen(out) == size - 1);
    CHECK(out[size] == 'x');
  }
}

int main(void) {
  test("accepts JSON", accepts_json);
  test("refuses what is not JSON", refuses_what_is_not_json);
  test("picks fields and elements", picks_fields_and_elements);
  test("steps through objects", steps_through_objects);
  test("nests 512 levels without recursion", nests_many_levels_without_recursion);
  test("reads numbers in any locale", reads_numbers_in_any_locale);
  test("reads whole numbers exactly", reads_whole_numbers_exactly);
  test("decodes strings", decodes_strings);
  test("quotes text", quotes_text);
  return tap_done();
}
