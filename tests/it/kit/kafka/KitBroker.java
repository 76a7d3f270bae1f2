import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Kafka broker that formats its storage if it is new, and never outlives the process that started it:
 * when standard input ends, it deletes its folder and exits.
 *
 * <p>Arguments: the folder, which holds server.properties; then the arguments of {@code format}.
 */
public final class KitBroker {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        endWithStandardInput(folder);

        String config = folder.resolve("server.properties").toString();
        List<String> format = new ArrayList<>(List.of("format", "--ignore-formatted", "--config", config));
        format.addAll(Arrays.asList(args).subList(1, args.length));
        if (kafka.tools.StorageTool.execute(format.toArray(new String[0]), System.out) != 0) {
            Runtime.getRuntime().halt(1);
        }
        kafka.Kafka.main(new String[] {config});
    }

    private static void endWithStandardInput(Path folder) {
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
                delete(folder);
            } catch (IOException | UncheckedIOException e) {
                // The broker may still have been writing: the rest stays in the temporary folder.
            } finally {
                Runtime.getRuntime().halt(0);
            }
        });
        watch.setDaemon(true);
        watch.start();
    }

    private static void delete(Path folder) throws IOException {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
