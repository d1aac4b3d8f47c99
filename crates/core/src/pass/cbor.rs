//! The little CBOR that a pass is made of, strict: shortest forms, definite lengths, nothing longer
//! than 32 bits. A general decoder accepts more than one writing of the same value, and a pass has
//! exactly one; what is not written that way is refused before anything is made of it.

/// Writes shortest forms.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn with_capacity(bytes: usize) -> Writer {
        Writer(Vec::with_capacity(bytes))
    }

    fn head(&mut self, major: u8, n: u32) {
        let major = major << 5;
        let [_, _, high, low] = n.to_be_bytes();
        match n {
            0..=23 => self.0.push(major | low),
            24..=0xff => self.0.extend_from_slice(&[major | 24, low]),
            0x100..=0xffff => self.0.extend_from_slice(&[major | 25, high, low]),
            _ => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&n.to_be_bytes());
            }
        }
    }

    pub fn uint(&mut self, n: u32) {
        self.head(0, n);
    }

    /// The negative integer −1 − n.
    pub fn negative(&mut self, n: u32) {
        self.head(1, n);
    }

    pub fn bytes(&mut self, b: &[u8]) {
        self.head(2, short_len(b));
        self.0.extend_from_slice(b);
    }

    pub fn text(&mut self, t: &str) {
        self.head(3, short_len(t.as_bytes()));
        self.0.extend_from_slice(t.as_bytes());
    }

    pub fn array(&mut self, n: u32) {
        self.head(4, n);
    }

    pub fn map(&mut self, n: u32) {
        self.head(5, n);
    }
}

fn short_len(b: &[u8]) -> u32 {
    u32::try_from(b.len()).expect("every field of a pass was measured before it is written")
}

/// Not the CBOR that a pass is made of.
#[derive(Debug)]
pub struct Bad;

/// Reads what [`Writer`] writes, and nothing else. It never allocates and never recurses, so
/// declared lengths and nesting cost nothing before they are refused.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Bad> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Bad)?;
        self.0 = rest;
        Ok(head)
    }

    fn any_head(&mut self) -> Result<(u8, u32), Bad> {
        let first = self.take(1)?[0];
        let short = first & 31;
        let (n, least) = match short {
            0..=23 => (u32::from(short), 0),
            24 => (u32::from(self.take(1)?[0]), 24),
            25 => (self.take(2)?.iter().fold(0, |n, b| n << 8 | u32::from(*b)), 0x100),
            26 => (self.take(4)?.iter().fold(0, |n, b| n << 8 | u32::from(*b)), 0x1_0000),
            // 64 bits, reserved, indefinite: none of them occurs in a pass.
            _ => return Err(Bad),
        };
        if n >= least { Ok((first >> 5, n)) } else { Err(Bad) }
    }

    fn head(&mut self, major: u8) -> Result<u32, Bad> {
        match self.any_head()? {
            (found, n) if found == major => Ok(n),
            _ => Err(Bad),
        }
    }

    pub fn uint(&mut self) -> Result<u32, Bad> {
        self.head(0)
    }

    pub fn int(&mut self) -> Result<i64, Bad> {
        match self.any_head()? {
            (0, n) => Ok(i64::from(n)),
            (1, n) => Ok(-1 - i64::from(n)),
            _ => Err(Bad),
        }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Bad> {
        let n = self.head(2)?;
        self.take(n as usize)
    }

    pub fn text(&mut self) -> Result<&'a str, Bad> {
        let n = self.head(3)?;
        std::str::from_utf8(self.take(n as usize)?).map_err(|_| Bad)
    }

    pub fn array(&mut self) -> Result<u32, Bad> {
        self.head(4)
    }

    pub fn map(&mut self) -> Result<u32, Bad> {
        self.head(5)
    }

    pub fn end(&self) -> Result<(), Bad> {
        if self.0.is_empty() { Ok(()) } else { Err(Bad) }
    }
}
