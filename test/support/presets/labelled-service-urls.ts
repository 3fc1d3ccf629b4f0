/*
 * Requests in the URL schemes of commerce servers and of services for maps and images, from their documentation, each
 * under what it is for. Labelled by hand: nothing here is computed by the rules that are tested with it.
 */
import type { LabelledRequests } from './labelled-requests.js'

export const SERVICE_URLS: Readonly<Record<string, LabelledRequests>> = {
  // Medusa, Saleor, commercetools, Strapi behind pages made in the browser
  headless: {
    page: [
      'GET /',
      'GET /us/store',
      'GET /us/products/{slug}',
      'GET /us/categories/{cat}?page={n}',
      'GET /us/cart',
      'GET /us/checkout?step=address',
      'GET /search?q={word}',
      'GET /stores/berlin',
      'GET /us/account/orders/{id}',
    ],
    asset: [
      'GET /static/js/main.{hash}.js',
      'GET /static/css/main.{hash}.css',
      'GET /static/media/{slug}.{hash}.webp',
      'GET /uploads/medium_{slug}_{hash}.jpg',
      'GET /uploads/{slug}.usdz',
      'GET /manifest.webmanifest',
    ],
    api: [
      'GET /store/products?handle={slug}&region_id=reg_{hash}',
      'GET /store/carts/cart_{hash}',
      'POST /store/carts/cart_{hash}/line-items',
      'POST /graphql/',
      'POST /eu/shop/graphql',
      'GET /api/products?populate=%2A&filters%5Bslug%5D={slug}',
      'GET /backend/api/stock/{id}',
      'GET /v1/search?q={word}',
      'POST /v2/events/batch',
      'POST /trpc/cart.add?batch=1',
      'GET /rest/products/{id}',
      'OPTIONS /store/carts',
    ],
  },
  // OGC WMTS and WMS, XYZ tiles, ArcGIS, Mapbox styles
  tiles: {
    page: [
      'GET /',
      'GET /stores',
      'GET /stores/berlin/mitte',
      'GET /stores?near=52.52,13.40',
      'GET /item/{id}',
      'GET /tiling-advice/{slug}',
      'GET /delivery/14/8500/5400-berlin',
    ],
    asset: [
      'GET /tiles/{z}/{x}/{y}',
      'GET /tiles/{z}/{x}/{y}.pbf',
      'GET /tiles/{z}/{x}/{y}.mvt?key={hash}',
      'GET /{z}/{x}/{y}.png',
      'GET /{z}/{x}/{y}@2x.webp',
      'GET /osm/{z}/{x}/{y}.png?v={n}',
      'GET /tile/{z}/{y}/{x}',
      'GET /arcgis/rest/services/World_Street_Map/MapServer/tile/{z}/{y}/{x}',
      'GET /styles/bright/{z}/{x}/{y}@2x.png',
      'GET /styles/bright/sprite@2x.png',
      'GET /fonts/Noto%20Sans%20Regular/0-255.pbf',
      'GET /wmts/1.0.0/streets/default/GoogleMapsCompatible/{z}/{y}/{x}.jpeg',
      'GET /maps?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=streets&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}',
      'GET /geoserver/ows?service=WMS&version=1.3.0&request=GetMap&layers=shops&bbox={x},{y},{x},{y}&width=256&height=256',
      'GET /maps/vt?pb=!1m5!1m4!1i{z}!2i{x}!3i{y}!4i256',
      'GET /css/maplibre-gl.css',
    ],
    api: [
      'GET /styles/bright/style.json',
      'GET /styles/bright/sprite@2x.json',
      'GET /data/v3.json',
      'GET /api/stores?bbox={x},{y},{x},{y}',
      'GET /stores.geojson',
      'GET /arcgis/rest/services/World_Street_Map/MapServer?f=pjson',
      'GET /utfgrid/{z}/{x}/{y}.grid.json',
    ],
  },
  // https://docs.imgproxy.net, https://thumbor.readthedocs.io, https://cloudinary.com/documentation
  images: {
    page: [
      'GET /',
      'GET /category/{cat}',
      'GET /item/{id}',
      'GET /item/{id}?image={n}',
      'GET /plain/{slug}',
      'GET /search?q={word}',
      'GET /gallery/images',
      'GET /unsafe-chemicals/{slug}',
    ],
    asset: [
      'GET /{b64}/rs:fill:{w}:{w}:0/g:no/{b64}.webp',
      'GET /{b64}/rs:fit:{w}:{w}/plain/https://cdn.example/{slug}.jpg@webp',
      'GET /{b64}/resize:fill:{w}:{w}:0/gravity:sm/plain/s3://bucket/{slug}',
      'GET /insecure/w:{w}/plain/local:///{slug}.png',
      'GET /{b64}/size:{w}:{w}/{b64}',
      'GET /{b64}/preset:sharp/{b64}',
      'GET /unsafe/{w}x{w}/smart/cdn.example/{slug}.jpg',
      'GET /unsafe/fit-in/{w}x{w}/filters:quality(80)/cdn.example/{slug}',
      'GET /demo/image/upload/c_fill,w_{w},f_auto,q_auto/v{id}/{slug}',
      'GET /demo/image/upload/w_{w}/{slug}.jpg',
      'GET /demo/image/fetch/f_auto/https://cdn.example/{slug}',
      'GET /demo/video/upload/q_auto/{slug}',
      'GET /cdn-cgi/image/fit=cover,width={w}/https://cdn.example/{slug}',
      'GET /images/{slug}.jpg?auto=format&w={w}',
      'GET /js/app.{hash}.js',
    ],
    api: ['GET /api/products/{id}', 'GET /products/{id}.json', 'GET /demo/image/list/{word}.json', 'POST /graphql'],
  },
}
