package guardian.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.apache.avro.Schema;

/** Asks a registry for writer schemas. */
final class SchemaRegistry {
  private final String url;

  SchemaRegistry(String url) {
    this.url = url;
  }

  Schema schema(int id) throws IOException {
    URI uri = URI.create(url + "/schemas/ids/" + id);
    try {
      HttpResponse<String> response = HttpClient.newHttpClient()
          .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) throw new IOException(uri + " answered " + response.statusCode());
      return new Schema.Parser().parse(new ObjectMapper().readTree(response.body()).get("schema").asText());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while asking " + uri, e);
    }
  }
}
