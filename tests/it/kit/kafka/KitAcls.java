import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;

/**
 * Replaces the rights of a user by those named.
 *
 * <p>Arguments: bootstrap servers; the user; then for each right its operation, its resource type and
 * its resource's name, or a prefix of names and {@code *}.
 */
public final class KitAcls {
    public static void main(String[] args) throws Exception {
        String principal = "User:" + args[1];
        List<AclBinding> wanted = new ArrayList<>();
        for (int i = 2; i < args.length; i += 3) {
            ResourceType type = ResourceType.fromString(args[i + 1]);
            String name = args[i + 2];
            ResourcePattern resource = name.length() > 1 && name.endsWith("*")
                ? new ResourcePattern(type, name.substring(0, name.length() - 1), PatternType.PREFIXED)
                : new ResourcePattern(type, name, PatternType.LITERAL);
            wanted.add(new AclBinding(
                resource,
                new AccessControlEntry(principal, "*", AclOperation.fromString(args[i]), AclPermissionType.ALLOW)));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            AclBindingFilter all = new AclBindingFilter(
                ResourcePatternFilter.ANY,
                new AccessControlEntryFilter(principal, null, AclOperation.ANY, AclPermissionType.ANY));
            admin.deleteAcls(List.of(all)).all().get();
            admin.createAcls(wanted).all().get();
        }
    }
}
