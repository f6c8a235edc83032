//! As much of JSON as the wire needs: it checks a text and finds its fields, without recursion, and leaves values as text.

use std::borrow::Cow;

/// The fields of an object, with their values as JSON.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Object<'a> {
    /// None if the text is not one JSON object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut scanner = Scanner::new(text);
        let mut fields = Vec::new();
        scanner.blanks().eat(b'{')?;
        if scanner.blanks().eat(b'}').is_none() {
            loop {
                let key = scanner.blanks().string()?;
                scanner.blanks().eat(b':')?;
                fields.push((unquote(key), scanner.value()?));
                if scanner.blanks().eat(b',').is_none() {
                    scanner.eat(b'}')?;
                    break;
                }
            }
        }
        scanner.end()?;
        Some(Self(fields))
    }

    /// The JSON of a field; of two with the same name, the last counts.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rfind(|(name, _)| name == key).map(|(_, value)| *value)
    }

    pub(crate) fn object(&self, key: &str) -> Option<Object<'a>> {
        self.raw(key).and_then(Object::parse)
    }

    pub(crate) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.raw(key).filter(|value| value.starts_with('"')).map(unquote)
    }

    /// A whole number that JavaScript can represent exactly.
    pub(crate) fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        let text = self.raw(key)?;
        let whole = text.parse::<i64>().ok().or_else(|| {
            let number = text.parse::<f64>().ok()?;
            (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
        });
        T::try_from(whole?).ok()
    }

    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.raw(key) == Some("true")
    }
}

/// How much a JSON text holds, counted as the daemon does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Levels of arrays and objects.
    pub(crate) levels: usize,
    /// Values and keys.
    pub(crate) values: usize,
}

/// None if the text is not one JSON value.
pub(crate) fn measure(text: &str) -> Option<Shape> {
    let mut scanner = Scanner::new(text);
    scanner.value()?;
    scanner.end()?;
    Some(scanner.shape)
}

/// Writes a string as JSON.
pub(crate) fn quote(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => json.extend(format!("\\u{:04x}", character as u32).chars()),
            _ => json.push(character),
        }
    }
    json.push('"');
    json
}

/// Writes a list of strings as JSON.
pub(crate) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", quoted.join(","))
}

/// Reads a string that a scanner has checked. Lone surrogates become U+FFFD.
fn unquote(quoted: &str) -> Cow<'_, str> {
    let mut rest = &quoted[1..quoted.len() - 1];
    if !rest.contains('\\') {
        return Cow::Borrowed(rest);
    }
    let mut units = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        let (unit, length) = match rest.as_bytes()[at + 1] {
            b'u' => (u16::from_str_radix(&rest[at + 2..at + 6], 16).unwrap_or(0xfffd), 6),
            b'b' => (0x08, 2),
            b'f' => (0x0c, 2),
            b'n' => (0x0a, 2),
            b'r' => (0x0d, 2),
            b't' => (0x09, 2),
            itself => (itself.into(), 2),
        };
        units.push(unit);
        rest = &rest[at + length..];
    }
    units.extend(rest.encode_utf16());
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// A place in a text. Each method moves past what it names, or returns None where there is something else.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    shape: Shape,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, shape: Shape::default() }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.rest().first() == Some(&byte)).then(|| self.at += 1)
    }

    fn blanks(&mut self) -> &mut Self {
        self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self
    }

    /// Moves past the bytes that match, and returns how many there were.
    fn run(&mut self, matches: impl Fn(u8) -> bool) -> usize {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !matches(*byte)).unwrap_or(rest.len());
        self.at += length;
        length
    }

    fn end(&mut self) -> Option<()> {
        self.blanks().rest().is_empty().then_some(())
    }

    /// One value of any kind. What is open is kept in a list, so that no depth can exhaust the stack.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.blanks().at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.shape.values += 1;
            match *self.blanks().rest().first()? {
                b'{' | b'[' => {
                    let close = if self.next()? == b'{' { b'}' } else { b']' };
                    open.push(close);
                    self.shape.levels = self.shape.levels.max(open.len());
                    if self.blanks().rest().first() != Some(&close) {
                        self.key(close)?;
                        continue;
                    }
                }
                b'"' => self.string().map(|_| ())?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => self.number()?,
            }
            // A value has ended: so may what contains it.
            loop {
                let close = match open.last() {
                    None => return Some(&self.text[start..self.at]),
                    Some(close) => *close,
                };
                if self.blanks().eat(b',').is_some() {
                    self.key(close)?;
                    break;
                }
                self.eat(close)?;
                open.pop();
            }
        }
    }

    /// What comes before a value: within an object, its key.
    fn key(&mut self, close: u8) -> Option<()> {
        if close == b']' {
            return Some(());
        }
        self.shape.values += 1;
        self.blanks().string()?;
        self.blanks().eat(b':')
    }

    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.eat(b'"')?;
        loop {
            self.run(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            match self.next()? {
                b'"' => return Some(&self.text[start..self.at]),
                b'\\' => match self.next()? {
                    b'u' => (0..4).try_for_each(|_| self.next()?.is_ascii_hexdigit().then_some(()))?,
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => (),
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if self.eat(b'e').or_else(|| self.eat(b'E')).is_some() {
            let _ = self.eat(b'+').or_else(|| self.eat(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        (self.run(|byte| byte.is_ascii_digit()) > 0).then_some(())
    }
}
