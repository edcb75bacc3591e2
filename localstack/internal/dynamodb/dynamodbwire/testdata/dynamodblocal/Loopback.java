import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * Runs DynamoDB Local in memory on a free port of the loopback interface, prints its URL, and ends
 * when stdin does. By itself it would listen on every interface, and not take port 0.
 */
public class Loopback {
    public static void main(String[] args) throws Exception {
        var proxy = ServerRunner.createServerFromCommandLineArgs(new String[] {"-inMemory", "-disableTelemetry", "-port", "8000"});
        var field = proxy.getClass().getDeclaredField("server");
        field.setAccessible(true);
        var server = (Server) field.get(proxy);
        ServerConnector http = null;
        for (Connector c : server.getConnectors()) {
            http = (ServerConnector) c;
            http.setHost("127.0.0.1");
            http.setPort(0);
        }
        server.start();
        System.out.println("url http://127.0.0.1:" + http.getLocalPort());
        while (System.in.read() >= 0) {
            // Nothing is ever written to it.
        }
        System.exit(0);
    }
}
