//! The little CBOR that a pass needs, strict: shortest forms, definite lengths, bounded.

/// Writes shortest forms.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    fn head(&mut self, major: u8, n: u64) {
        let major = major << 5;
        match n {
            0..=23 => self.0.push(major | n as u8),
            24..=0xff => self.0.extend_from_slice(&[major | 24, n as u8]),
            0x100..=0xffff => {
                self.0.push(major | 25);
                self.0.extend_from_slice(&(n as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&(n as u32).to_be_bytes());
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&n.to_be_bytes());
            }
        }
    }

    pub fn int(&mut self, n: i64) {
        if n >= 0 { self.head(0, n as u64) } else { self.head(1, !n as u64) }
    }

    pub fn bytes(&mut self, b: &[u8]) {
        self.head(2, b.len() as u64);
        self.0.extend_from_slice(b);
    }

    pub fn text(&mut self, t: &str) {
        self.head(3, t.len() as u64);
        self.0.extend_from_slice(t.as_bytes());
    }

    pub fn array(&mut self, n: u64) {
        self.head(4, n);
    }

    pub fn map(&mut self, n: u64) {
        self.head(5, n);
    }
}

/// Not the CBOR that a pass is made of.
#[derive(Debug)]
pub struct Bad;

/// Reads what [`Writer`] writes, and nothing else.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Bad> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Bad)?;
        self.0 = rest;
        Ok(head)
    }

    fn head(&mut self, major: u8) -> Result<u64, Bad> {
        let (found, n) = self.any_head()?;
        if found == major { Ok(n) } else { Err(Bad) }
    }

    fn any_head(&mut self) -> Result<(u8, u64), Bad> {
        let first = self.take(1)?[0];
        let short = first & 31;
        let (n, least) = match short {
            0..=23 => return Ok((first >> 5, u64::from(short))),
            24 => (u64::from(self.take(1)?[0]), 24),
            25 => (u64::from(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| Bad)?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| Bad)?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| Bad)?), 0x1_0000_0000),
            _ => return Err(Bad),
        };
        if n >= least { Ok((first >> 5, n)) } else { Err(Bad) }
    }

    pub fn int(&mut self) -> Result<i64, Bad> {
        match self.any_head()? {
            (0, n) => i64::try_from(n).map_err(|_| Bad),
            (1, n) => i64::try_from(n).map(|n| !n).map_err(|_| Bad),
            _ => Err(Bad),
        }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Bad> {
        let n = self.head(2)?;
        self.take(usize::try_from(n).map_err(|_| Bad)?)
    }

    pub fn text(&mut self) -> Result<&'a str, Bad> {
        let n = self.head(3)?;
        std::str::from_utf8(self.take(usize::try_from(n).map_err(|_| Bad)?)?).map_err(|_| Bad)
    }

    pub fn array(&mut self) -> Result<u64, Bad> {
        self.head(4)
    }

    pub fn map(&mut self) -> Result<u64, Bad> {
        self.head(5)
    }

    pub fn end(&self) -> Result<(), Bad> {
        if self.0.is_empty() { Ok(()) } else { Err(Bad) }
    }
}
