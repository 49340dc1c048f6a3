/**
 * Markets by ISO 3166-1 country. DFP documents the code NA for Canada and no table; the four regions here are those that
 * trade uses: NA the United States with their Caribbean territories, Canada and their neighbours in the Atlantic; LATAM
 * everything south of them; APAC Asia from Afghanistan on, and Oceania; EMEA Europe, the Middle East and Africa.
 */
const countries = {
  NA: 'US CA BM GL PM PR VI UM',
  LATAM:
    'AG AI AR AW BB BL BO BQ BR BS BZ CL CO CR CU CW DM DO EC FK GD GF GP GS GT GY HN HT JM KN KY LC MF MQ MS MX NI PA PE PY SR SV SX TC TT UY VC VE VG',
  APAC: 'AF AS AU BD BN BT CC CK CN CX FJ FM GU HK ID IN IO JP KG KH KI KP KR KZ LA LK MH MM MN MO MP MV MY NC NF NP NR NU NZ PF PG PH PK PN PW SB SG TH TJ TK TL TM TO TV TW UZ VN VU WF WS',
  EMEA: 'AD AE AL AM AO AT AX AZ BA BE BF BG BH BI BJ BW BY CD CF CG CH CI CM CV CY CZ DE DJ DK DZ EE EG EH ER ES ET FI FO FR GA GB GE GG GH GI GM GN GQ GR GW HR HU IE IL IM IQ IR IS IT JE JO KE KM KW LB LI LR LS LT LU LV LY MA MC MD ME MG MK ML MR MT MU MW MZ NA NE NG NL NO OM PL PS PT QA RE RO RS RU RW SA SC SD SE SH SI SJ SK SL SM SN SO SS ST SY SZ TD TG TN TR TZ UA UG VA XK YE YT ZA ZM ZW',
};

const markets = new Map(
  Object.entries(countries).flatMap(([market, codes]) =>
    codes.split(' ').map((code): [string, string] => [code, market]),
  ),
);

/** `NA`, `LATAM`, `EMEA` or `APAC`; undefined for what is no country, and for Antarctica. */
export function marketOf(country: string): string | undefined {
  return markets.get(country);
}

const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** The English name of a country by its two letters; undefined where there is none. */
export function countryName(country: string): string | undefined {
  return /^[A-Z]{2}$/.test(country) ? names.of(country) : undefined;
}
