import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.kafka.common.utils.Utils;

/**
 * Prints the partition that Kafka's Java producer chooses for each key.
 *
 * <p>Argument: the number of partitions. Input: a key in hex on each line; output: its partition.
 */
public final class Murmur2 {
    public static void main(String[] args) {
        int partitions = Integer.parseInt(args[0]);
        // All input is read before the output is written, to avoid a deadlock of two full pipes.
        for (String key : new BufferedReader(new InputStreamReader(System.in)).lines().toList()) {
            byte[] bytes = HexFormat.of().parseHex(key);
            System.out.println(Utils.toPositive(Utils.murmur2(bytes)) % partitions);
        }
    }
}
