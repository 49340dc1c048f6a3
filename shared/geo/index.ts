export { type Geo, type GeoFiles, openGeo, type Place } from './geo.ts';
