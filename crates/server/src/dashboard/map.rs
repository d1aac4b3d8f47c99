//! An approved map of divisions, for drawing the children of one: read and checked whole at the start,
//! parted by the division above, and never changed. None is shipped, since in China a map that is
//! shown in public has to be approved; whoever runs the service brings theirs.
//!
//! A map is a GeoJSON `FeatureCollection` (RFC 7946) of polygons. Each feature has the code of its
//! division as `code` or `adcode`; what an approved map draws besides, such as a boundary at sea, has
//! `outline` in its place: the division (0 for the country) in whose picture it is drawn, without a count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kangma_core::tally::Place;
use serde::{Deserialize, Serialize};

use super::http::{name_of, place_for};
use crate::app::Shared;
use crate::error::{Problem, ProblemBody};
use crate::staff::Officer;

/// Size of a file.
const BYTES_MAX: u64 = 16 << 20;
/// Corners in all: a phone draws those of one division's children.
const POINTS_MAX: usize = 500_000;
/// Features in all: there are some forty thousand streets and towns.
const FEATURES_MAX: usize = 60_000;
/// Where it lies if no setting says otherwise.
const FILE: &str = "map.geojson";

/// The maps of all divisions whose children are all drawn.
#[derive(Debug, Default)]
pub struct Maps(BTreeMap<Place, Picture>);

/// A map of one division's children, as it is sent.
#[derive(Debug)]
struct Picture {
    body: Bytes,
    tag: HeaderValue,
}

impl Maps {
    /// Whether the children of a place can be drawn.
    pub fn draws(&self, place: Place) -> bool {
        self.0.contains_key(&place)
    }
}

#[derive(Deserialize)]
struct Collection {
    r#type: String,
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    r#type: String,
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    code: Option<Code>,
    adcode: Option<Code>,
    outline: Option<Code>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u64),
    Text(String),
}

impl Code {
    /// As this service writes codes: a code of six digits that ends in zeros is one of a province or city.
    fn text(&self) -> String {
        let text = match self {
            Code::Number(n) => n.to_string(),
            Code::Text(text) => text.clone(),
        };
        let six = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        match six {
            true if text.ends_with("0000") => text[..2].to_owned(),
            true if text.ends_with("00") => text[..4].to_owned(),
            _ => text,
        }
    }
}

type Point = Vec<f64>;

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Point>>),
    MultiPolygon(Vec<Vec<Vec<Point>>>),
}

impl Geometry {
    fn rings(&mut self) -> Vec<&mut Vec<Point>> {
        match self {
            Geometry::Polygon(rings) => rings.iter_mut().collect(),
            Geometry::MultiPolygon(all) => all.iter_mut().flatten().collect(),
        }
    }
}

#[derive(Serialize)]
struct Sent<'a> {
    r#type: &'static str,
    features: Vec<SentFeature<'a>>,
}

#[derive(Serialize)]
struct SentFeature<'a> {
    r#type: &'static str,
    properties: SentProperties,
    geometry: &'a Geometry,
}

/// What a page needs of a feature. Of the file's own properties nothing is passed on.
#[derive(Serialize)]
struct SentProperties {
    /// Empty for what has no count.
    code: String,
    name: String,
}

/// Reads the map of the settings, or that of the data folder, or none.
pub fn load(chosen: Option<&Path>, data: &Path) -> anyhow::Result<Maps> {
    let there = data.join(FILE);
    let file: PathBuf = match chosen {
        Some(file) => file.to_owned(),
        None if there.is_file() => there,
        None => return Ok(Maps::default()),
    };
    let named = || format!("map.file: {}", file.display());
    let size = std::fs::metadata(&file).with_context(named)?.len();
    ensure!(
        size <= BYTES_MAX,
        "map.limit: {} has {size} bytes and may have 16 MiB; simplify it",
        file.display()
    );
    let maps = read(&std::fs::read(&file).with_context(named)?)
        .with_context(|| format!("the map {} was refused", file.display()))?;
    tracing::info!(divisions = maps.0.len(), "a map is drawn on the dashboard");
    Ok(maps)
}

fn read(bytes: &[u8]) -> anyhow::Result<Maps> {
    let all: Collection = serde_json::from_slice(bytes).context(
        "map.form: not a GeoJSON FeatureCollection of Polygon and MultiPolygon features with properties",
    )?;
    ensure!(
        all.r#type == "FeatureCollection",
        "map.form: its type is {:?}, not FeatureCollection",
        all.r#type
    );
    ensure!(all.features.len() <= FEATURES_MAX, "map.limit: more than {FEATURES_MAX} features");
    let mut points = 0;
    let mut seen = BTreeSet::new();
    let mut parents: BTreeMap<Place, Vec<(String, Geometry)>> = BTreeMap::new();
    for (i, mut feature) in all.features.into_iter().enumerate() {
        ensure!(feature.r#type == "Feature", "map.form: feature {i} has the type {:?}", feature.r#type);
        points += corners(&mut feature.geometry).with_context(|| format!("feature {i}"))?;
        ensure!(points <= POINTS_MAX, "map.limit: more than {POINTS_MAX} corners; simplify it");
        let Properties { code, adcode, outline } = &feature.properties;
        let (parent, code) = match (code.as_ref().or(adcode.as_ref()), outline) {
            (_, Some(of)) => (Place::parse(&of.text()), String::new()),
            (Some(code), None) => (Place::parse(&code.text()).and_then(Place::above), code.text()),
            (None, None) => (None, String::new()),
        };
        let parent = parent.filter(|place| !place.unknown).with_context(|| {
            format!("map.code: feature {i} has no code of a division as `code` or `adcode`, and no `outline`")
        })?;
        ensure!(code.is_empty() || seen.insert(code.clone()), "map.code: {code} is there twice");
        parents.entry(parent).or_default().push((code, feature.geometry));
    }
    let mut maps = BTreeMap::new();
    for (parent, features) in parents {
        let mut children = parent.children().into_iter().filter(|child| !child.unknown).peekable();
        // What has no divisions below it has no picture of them, whatever is drawn besides.
        let whole = children.peek().is_some() && children.all(|child| seen.contains(&child.to_string()));
        if whole {
            maps.insert(parent, picture(&features)?);
        } else if features.iter().any(|(code, _)| !code.is_empty()) {
            tracing::warn!(division = %parent, "the map lacks some divisions here: their areas are drawn without it");
        }
    }
    ensure!(
        !maps.is_empty(),
        "map.code: of no division all children are in it, so that nothing could be drawn"
    );
    Ok(Maps(maps))
}

/// Counts the corners of polygons, and refuses what is none.
fn corners(geometry: &mut Geometry) -> anyhow::Result<usize> {
    let rings = geometry.rings();
    ensure!(!rings.is_empty(), "map.polygon: it has no ring");
    let mut points = 0;
    for ring in rings {
        ensure!(ring.len() >= 4, "map.polygon: a ring has fewer than four points");
        ensure!(ring.first() == ring.last(), "map.polygon: a ring is not closed");
        for point in ring.iter_mut() {
            let &[east, north, ..] = point.as_slice() else {
                anyhow::bail!("map.point: fewer than two numbers")
            };
            // Also where they are no numbers.
            let fine = (-180.0..=180.0).contains(&east) && (-90.0..=90.0).contains(&north);
            ensure!(fine, "map.point: [{east}, {north}] is not longitude and latitude in degrees");
            point.truncate(2);
        }
        points += ring.len();
    }
    Ok(points)
}

fn picture(features: &[(String, Geometry)]) -> anyhow::Result<Picture> {
    let features = features.iter().map(|(code, geometry)| SentFeature {
        r#type: "Feature",
        properties: SentProperties {
            name: Place::parse(code).filter(|_| !code.is_empty()).map_or_else(String::new, name_of),
            code: code.clone(),
        },
        geometry,
    });
    let body = serde_json::to_vec(&Sent { r#type: "FeatureCollection", features: features.collect() })?;
    let sum: String = digest(&SHA256, &body).as_ref()[..8].iter().map(|b| format!("{b:02x}")).collect();
    Ok(Picture { body: body.into(), tag: HeaderValue::try_from(format!("\"{sum}\""))? })
}

/// The areas of the divisions just below one, of the map that this installation brought: GeoJSON with
/// `code` and `name` of each. The same until a restart; ask again with `If-None-Match`.
#[utoipa::path(get, path = "/api/v1/dashboard/{division}/map", tag = "staff",
    params(("division" = String, Path, description = "2, 4, 6 or 9 digits, or 0 for the whole country"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of what is there already")),
    responses((status = 200, description = "GeoJSON", content_type = "application/geo+json"),
        (status = 304, description = "what is there already is right"), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn map(
    State(app): State<Shared>,
    officer: Officer,
    UrlPath(division): UrlPath<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let place = place_for(&officer, &division)?;
    let picture = app.maps.0.get(&place).ok_or_else(Problem::not_found)?;
    let head = [
        (header::ETAG, picture.tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json")),
    ];
    if asked.get(header::IF_NONE_MATCH) == Some(&picture.tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, picture.body.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use kangma_core::division::divisions;
    use serde_json::{Value, json};

    use super::*;

    fn square(east: f64, north: f64) -> Value {
        let (e, n) = (east + 1.0, north + 1.0);
        json!({ "type": "Polygon", "coordinates": [[[east, north], [e, north], [e, n], [east, n], [east, north]]] })
    }

    fn feature(properties: Value, geometry: Value) -> Value {
        json!({ "type": "Feature", "properties": properties, "geometry": geometry })
    }

    /// Squares for the districts of Hangzhou, which look like no map of anything.
    fn districts() -> Vec<Value> {
        let codes = divisions().children(Some("3301")).map(|d| d.code);
        codes
            .enumerate()
            .map(|(i, code)| feature(json!({ "adcode": code }), square(i as f64, 30.0)))
            .collect()
    }

    fn collection(features: &[Value]) -> Vec<u8> {
        json!({ "type": "FeatureCollection", "features": features }).to_string().into_bytes()
    }

    fn refused(features: &[Value]) -> String {
        format!("{:#}", read(&collection(features)).expect_err("refused"))
    }

    #[test]
    fn a_map_is_parted_by_the_division_above_and_keeps_only_codes_names_and_two_numbers_a_point() {
        let mut features = districts();
        features[0]["properties"] = json!({ "adcode": 330_102, "name": "<script>", "level": "district" });
        features[0]["geometry"]["coordinates"][0][0] = json!([0.0, 30.0, 8.5]);
        features[0]["geometry"]["coordinates"][0][4] = json!([0.0, 30.0, 8.5]);
        features.push(feature(json!({ "outline": "3301" }), square(3.0, 31.0)));
        let maps = read(&collection(&features)).unwrap();
        let city = Place::parse("3301").unwrap();
        assert!(maps.draws(city) && !maps.draws(Place::COUNTRY) && maps.0.len() == 1);
        let sent: Value = serde_json::from_slice(&maps.0[&city].body).unwrap();
        let sent = sent["features"].as_array().unwrap();
        assert_eq!(sent.len(), features.len());
        assert_eq!(sent[0]["properties"], json!({ "code": "330102", "name": "上城区" }));
        assert_eq!(sent[0]["geometry"]["coordinates"][0][0], json!([0.0, 30.0]));
        assert_eq!(sent.last().unwrap()["properties"]["code"], "");
    }

    #[test]
    fn codes_of_six_digits_are_those_of_provinces_and_cities_too() {
        let code = |text: &str| Code::Text(text.to_owned()).text();
        assert_eq!(
            (code("330000"), code("330100"), code("330106")),
            ("33".into(), "3301".into(), "330106".into())
        );
        assert_eq!((code("330106002"), Code::Number(330_100).text()), ("330106002".into(), "3301".into()));
    }

    #[test]
    fn what_is_no_map_is_refused_with_what_to_mend() {
        let at = |i: usize, what: &str, value: Value| {
            let mut features = districts();
            *features[i].pointer_mut(what).unwrap() = value;
            refused(&features)
        };
        let ring = "/geometry/coordinates/0";
        assert!(at(2, "/properties/adcode", json!("999999")).contains("feature 2 has no code"));
        assert!(at(2, "/properties/adcode", json!("330102")).contains("330102 is there twice"));
        assert!(
            at(1, &format!("{ring}/4"), json!([7.0, 7.0]))
                .contains("feature 1: map.polygon: a ring is not closed")
        );
        assert!(at(1, ring, json!([[1.0, 1.0], [2.0, 1.0], [1.0, 1.0]])).contains("fewer than four"));
        assert!(at(1, "/geometry/coordinates", json!([])).contains("no ring"));
        assert!(at(3, &format!("{ring}/1/0"), json!(181.0)).contains("map.point: [181"));
        assert!(at(3, &format!("{ring}/1"), json!([4.0])).contains("fewer than two numbers"));
        assert!(at(0, "/geometry/type", json!("Point")).contains("map.form"));
        assert!(at(0, "/type", json!("Thing")).contains("feature 0 has the type"));
        assert!(refused(&districts()[1..]).contains("of no division all children"));
        assert!(refused(&[]).contains("of no division"));
        // A community has nothing below it, of which a line that is drawn besides would be all.
        let street = divisions().children(Some("330106")).next().unwrap().code;
        let community = divisions().children(Some(street)).next().unwrap().code;
        let line = feature(json!({ "outline": community }), square(1.0, 1.0));
        assert!(refused(std::slice::from_ref(&line)).contains("of no division"), "a map of nothing");
        let maps = read(&collection(&[districts(), vec![line]].concat())).unwrap();
        assert!(!maps.draws(Place::parse(community).unwrap()) && maps.0.len() == 1);
        let no_collection =
            read(br#"{ "type": "Feature", "features": [] }"#).expect_err("refused").to_string();
        assert!(no_collection.contains("not FeatureCollection"), "{no_collection}");
        let corner = json!([0.0, 30.0]);
        let long = vec![corner; POINTS_MAX + 1];
        assert!(at(0, ring, json!(long)).contains("map.limit: more than 500000 corners"));
    }
}
